"""The API answers from what `recsys rank --out URL` has made, when it is asked to."""

from pathlib import Path

import httpx
import pytest
from running import eventually, serving_thread
from serving_versions import publish_copy

from recsys.cli.main import main
from recsys.config import Config, ServingConfig
from recsys.registry import Registry
from serving.settings import Settings


@pytest.fixture
def url(registry: Registry, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/lists.db"
    assert main(["rank", "--registry", str(registry.path), "--users", "all", "-n", "8", "--out", url]) == 0
    assert not list((registry.path / "cache").glob("lists-*")), "what was on its way has arrived"
    return url


def kept_for(http: httpx.Client, user: str) -> dict[str, dict[str, object]]:
    """The answered lists of a user by request."""
    return {found["request_id"]: found for found in http.get(f"/v1/users/{user}").json()["lists"]}


def test_lists_of_the_batch_are_answered(registry: Registry, url: str, users: list[str], items: list[str]) -> None:
    config = Config(serving=ServingConfig(lists=url))
    known = {"user_id": users[0], "n": 4, "precomputed": True}
    with serving_thread(Settings.of(config, registry.path)) as http:

        def listed(**body: object) -> tuple[list[str], bool]:
            answer = http.post("/v1/recommend", json={**known, **body}).json()
            return [item["item_id"] for item in answer["items"]], answer.get("made_at") is not None

        made, from_batch = listed()
        assert from_batch
        assert len(made) == 4
        first = http.post("/v1/recommend", json=known).json()
        assert [item["rank"] for item in first["items"]] == [1, 2, 3, 4]
        assert first["model_version"] == registry.current()
        then = http.post("/v1/recommend", json={**known, "cursor": first["cursor"]}).json()
        assert [item["rank"] for item in then["items"]] == [5, 6, 7, 8]
        assert not {item["item_id"] for item in then["items"]} & set(made)
        assert listed(exclude=made[:1])[0][:3] == made[1:]
        assert not listed(precomputed=False)[1]
        assert not listed(user_id="nobody")[1]
        assert not listed(context={"query": "beans"})[1]
        assert not listed(timestamp="2024-06-01")[1]
        http.post("/v1/events", json={"events": [{"user_id": users[0], "item_id": items[0], "event": "click"}]})
        assert listed() == (made, True), "a list of the batch does not know what came since"
        eventually(lambda: first["request_id"] in kept_for(http, users[0]))
        kept = kept_for(http, users[0])[first["request_id"]]
        assert (kept["variant"], kept["items"], kept["propensities"]) == ("precomputed", made, [1.0] * 4)
        assert http.delete(f"/v1/items/{made[0]}").is_success
        assert made[0] not in listed()[0]
        assert http.delete(f"/v1/users/{users[0]}").is_success
        assert not listed()[1], "who is forgotten has no list left"
        assert main(["rank", "--registry", str(registry.path), "--users", "all", "-n", "8", "--out", url]) == 0
        http.post("/v1/events", json={"events": [{"user_id": users[0], "item_id": items[0], "event": "click"}]})
        assert not listed()[1], "nor is one that a batch of the old version makes again, when the user is back"


def test_what_is_known_since_the_batch_is_left_out_where_the_policy_says_so(
    registry: Registry, url: str, users: list[str]
) -> None:
    publish_copy(registry, registry.resolve(None), promote=True, seen="exclude")
    assert main(["rank", "--registry", str(registry.path), "--users", "all", "-n", "8", "--out", url]) == 0
    config = Config(serving=ServingConfig(lists=url))
    with serving_thread(Settings.of(config, registry.path)) as http:

        def listed(n: int) -> list[str]:
            answer = http.post("/v1/recommend", json={"user_id": users[0], "n": n, "precomputed": True}).json()
            assert answer["made_at"]
            return [item["item_id"] for item in answer["items"]]

        made = listed(8)
        http.post("/v1/events", json={"events": [{"user_id": users[0], "item_id": made[0], "event": "purchase"}]})
        assert listed(7) == made[1:]


def test_a_list_of_which_too_little_is_left_is_made_now(registry: Registry, url: str, users: list[str]) -> None:
    config = Config(serving=ServingConfig(lists=url))
    with serving_thread(Settings.of(config, registry.path)) as http:

        def listed(**body: object) -> tuple[int, bool]:
            answer = http.post("/v1/recommend", json={"user_id": users[0], "precomputed": True, **body}).json()
            return len(answer["items"]), answer.get("made_at") is not None

        first = http.post("/v1/recommend", json={"user_id": users[0], "precomputed": True, "n": 6}).json()
        assert first["made_at"]
        assert listed(n=8) == (8, True)
        assert listed(n=9) == (9, False), "the batch made 8"
        assert listed(n=8, exclude=[first["items"][0]["item_id"]]) == (8, False)
        assert listed(n=6, cursor=first["cursor"]) == (2, True), "a later page ends where the list does"
        stored = http.post("/v1/recommend", json={"user_id": users[0], "precomputed": True, "n": 8}).json()
        for item in stored["items"][6:]:
            assert http.delete(f"/v1/items/{item['item_id']}").is_success
        assert listed(n=6, cursor=first["cursor"]) == (6, False)


def test_a_server_without_lists_says_so(http: httpx.Client, users: list[str]) -> None:
    answer = http.post("/v1/recommend", json={"user_id": users[0], "precomputed": True})
    assert answer.status_code == 422
    assert "serving.lists" in answer.text
