"""The loop: train, serve, post events, retrain, serve the new version, roll back, serve the old one."""

from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
from running import eventually

from recsys.pipeline.retraining.retrain import retrain
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import open_store
from serving.settings import Settings

ANY_VOLUME = ("retrain.min_volume=0",)
"""The events come long after those of the small world."""


def test_what_is_served_is_learned_from_and_the_new_version_served(
    http: httpx.Client, registry: Registry, settings: Settings, items: list[str]
) -> None:
    first = registry.resolve(None)
    posted = 0
    for events in events_after_training(items, n_batches=10, n_events=100):
        answer = http.post("/v1/events", json={"events": events})
        assert answer.json() == {"accepted": 100, "duplicates": 0}
        posted += 100
    assert model_version(http) == first

    store = open_store(settings.store)
    decision = retrain(registry, store, overrides=ANY_VOLUME, progress=silent)
    offset, identity = store.last_offset(), store.identity
    store.close()
    assert decision.new_events == posted == 1_000
    assert decision.action == "promoted", decision.reason
    second = registry.resolve(None)
    assert second == decision.challenger != first
    manifest = registry.manifest(second)
    assert manifest.parent == first
    assert manifest.store is not None
    assert (manifest.store.identity, manifest.store.offset) == (identity, offset)
    eventually(lambda: model_version(http) == second)
    assert f"recsys_events_seen_offset {offset:.1f}" in http.get("/metrics").text

    assert http.post("/v1/models/rollback").json()["served"] == first
    assert model_version(http) == first
    assert [change.version for change in registry.history()] == [first, second, first]


def model_version(http: httpx.Client) -> str:
    version: str = http.post("/v1/recommend", json={"user_id": "new user 1"}).json()["model_version"]
    return version


def events_after_training(items: list[str], n_batches: int, n_events: int) -> list[list[dict[str, object]]]:
    """New users who each stay with one taste, as in the small world, in the weeks after its end."""
    rng = np.random.default_rng(1)
    tastes = sorted({item.split("-")[0] for item in items})
    start = datetime(2024, 6, 1, tzinfo=UTC)
    batches = []
    for batch in range(n_batches):
        events = []
        for number in range(n_events):
            user = int(rng.integers(60))
            wanted = [item for item in items if item.startswith(tastes[user % len(tastes)])]
            moment = start + timedelta(hours=batch * 24 + number * 24 / n_events)
            event = {"user_id": f"new user {user}", "item_id": str(rng.choice(wanted)), "event": "click"}
            events.append({"event_id": f"{batch}-{number}", "timestamp": moment.isoformat(), **event})
        batches.append(events)
    return batches
