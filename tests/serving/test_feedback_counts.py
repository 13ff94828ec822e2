"""What the metrics count of the events that follow from a list."""

import httpx


def test_repeated_events_are_not_counted_and_keep_no_new_one_from_it(http: httpx.Client) -> None:
    page = http.post("/v1/recommend", json={"user_id": "u", "n": 2}).json()
    events = [
        {
            "event_id": f"e{place}",
            "user_id": "u",
            "event": "click",
            "request_id": page["request_id"],
            "item_id": item["item_id"],
        }
        for place, item in enumerate(page["items"])
    ]
    for batch, n in (([events[0]], 1.0), (events, 2.0), ([*events, events[0]], 2.0)):
        http.post("/v1/events", json={"events": batch})
        counted = [line for line in http.get("/metrics").text.splitlines() if line.startswith("recsys_feedback_total{")]
        assert [float(line.split()[-1]) for line in counted] == [n]
