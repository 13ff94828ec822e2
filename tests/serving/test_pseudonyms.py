"""With pseudonyms no user id reaches log, bundle or store, and lists are the same as with ids."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from running import serving_thread

from recsys.config import Config, PrivacyConfig, load_config
from recsys.data.loading import load_dataset
from recsys.data.users.pseudonyms import ENVIRONMENT_KEY, Pseudonyms
from recsys.errors import ConfigError
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Registry
from serving.server import run
from serving.settings import Settings

KEY = "a key of more than thirty-two characters"
ON = PrivacyConfig(pseudonymise=True)


def publish_with_pseudonyms(registry: Registry) -> str:
    """Publish the current version as if it had been trained on pseudonyms; gives its name."""
    bundle = Bundle.load(registry)
    hidden = Pseudonyms(KEY.encode()).of_log(bundle.log)
    return registry.publish(replace(bundle, log=hidden, config=bundle.config.model_copy(update={"privacy": ON})))


def test_a_pseudonym_is_keyed_and_stays_itself() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert one.of("u1") == one.of("u1") == one.of(one.of("u1"))
    assert len({one.of("u1"), other.of("u1"), one.of("u2"), "u1"}) == 4
    # RFC 4231, test case 2.
    assert Pseudonyms(b"Jefe").of("what do ya want for nothing?") == (
        "hmac:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_without_a_key_nothing_starts() -> None:
    assert Pseudonyms.of_config(PrivacyConfig(), {}) is None
    for environment in ({}, {ENVIRONMENT_KEY: ""}, {ENVIRONMENT_KEY: "short"}):
        with pytest.raises(ConfigError, match=ENVIRONMENT_KEY):
            Pseudonyms.of_config(ON, environment)


def test_a_data_set_is_read_with_pseudonyms(tiny_dataset_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
    plain = load_dataset(tiny_dataset_dir)
    hidden = load_dataset(tiny_dataset_dir, load_config(None, ["privacy.pseudonymise=true"]))
    pseudonyms = Pseudonyms(KEY.encode())
    ids = list(plain.log.user_vocabulary)
    assert list(hidden.log.user_vocabulary) == [pseudonyms.of(id_) for id_ in ids]
    assert (hidden.log.users == plain.log.users).all()


def test_a_server_over_pseudonyms_takes_and_gives_plain_ids(
    registry: Registry, reading: httpx.Client, users: list[str], items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.of(Config(privacy=ON), registry.path)
    with pytest.raises(ConfigError, match="trained on user ids"):
        run(settings)
    monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
    publish_with_pseudonyms(registry)
    with serving_thread(settings) as http:
        body = {"user_id": users[0], "n": 10}
        lists = [server.post("/v1/recommend", json=body).json()["items"] for server in (http, reading)]
        assert lists[0] == lists[1]
        event = {"user_id": "newcomer", "item_id": items[0], "event": "purchase"}
        assert http.post("/v1/events", json={"events": [event]}).status_code == 202
        for user, stored in ((users[0], 0), ("newcomer", 1)):
            about = http.get(f"/v1/users/{user}").json()
            assert (about["user_id"], about["n_events"]) == (user, stored)
            assert about["history"]
        for file in registry.path.glob("store.db*"):
            assert b"newcomer" not in file.read_bytes()
        assert http.delete("/v1/users/newcomer").json()["events"] == 1
        assert http.get("/v1/users/newcomer").json()["history"] == []
    monkeypatch.delenv(ENVIRONMENT_KEY)
    with pytest.raises(ConfigError, match=ENVIRONMENT_KEY):
        run(settings)


def test_a_version_is_not_served_with_another_key(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its users would be new, and a call that forgets one would say so and forget nobody. A server that has the
    earlier key keeps what it serves when a version comes that was trained with the next one."""
    monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
    first = publish_with_pseudonyms(registry)
    settings = Settings.of(Config(privacy=ON), registry.path)
    with serving_thread(settings) as http:
        monkeypatch.setenv(ENVIRONMENT_KEY, f"not {KEY}")
        said = rf"{ENVIRONMENT_KEY} is not the key with which version {first} was trained"
        for refused in (lambda: run(settings), lambda: Bundle.load(registry)):
            with pytest.raises(ConfigError, match=said):
                refused()
        monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
        second = registry.add(Bundle.load(registry))
        monkeypatch.setenv(ENVIRONMENT_KEY, f"not {KEY}")
        refusal = http.post(f"/v1/models/{second}/promote")
        assert refusal.status_code == 422
        assert ENVIRONMENT_KEY in refusal.json()["detail"]
        assert registry.current() == first
        assert http.post("/v1/recommend", json={"n": 1}).json()["model_version"] == first
        registry.promote(second, "by hand")
        assert http.post("/v1/models/rollback").status_code == 422
        assert registry.current() == second


def test_a_user_is_forgotten_under_the_id_and_the_pseudonym(
    registry: Registry, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version on ids wrote to the store before one on pseudonyms did, and may be served again."""
    event = {"user_id": "newcomer", "item_id": items[0], "event": "purchase"}
    first = registry.resolve(None)
    with serving_thread(Settings.of(Config(), registry.path)) as http:
        assert http.post("/v1/events", json={"events": [event]}).status_code == 202
    monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
    publish_with_pseudonyms(registry)
    with serving_thread(Settings.of(Config(), registry.path)) as http:
        assert http.post("/v1/events", json={"events": [event]}).status_code == 202
        assert http.get("/v1/users/newcomer").json()["n_events"] == 2
        assert http.delete("/v1/users/newcomer").json()["events"] == 2
        assert http.get("/v1/users/newcomer").json()["n_events"] == 0
        assert http.post(f"/v1/models/{first}/promote").is_success
        assert http.get("/v1/users/newcomer").json()["history"] == []


def test_what_is_stored_under_the_id_and_the_pseudonym_comes_in_the_order_of_time(
    registry: Registry, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions on ids and on pseudonyms were served in turn."""
    first = registry.resolve(None)
    monkeypatch.setenv(ENVIRONMENT_KEY, KEY)
    second = publish_with_pseudonyms(registry)
    asked = []
    with serving_thread(Settings.of(Config(), registry.path)) as http:
        for place, version in enumerate((second, first, second)):
            assert http.post(f"/v1/models/{version}/promote").is_success
            asked.append(http.post("/v1/recommend", json={"user_id": "newcomer", "n": 1}).json()["request_id"])
            event = {"user_id": "newcomer", "item_id": items[place], "event": "click", "event_id": f"e{place}"}
            assert http.post("/v1/events", json={"events": [event]}).status_code == 202
        about, newest = (http.get("/v1/users/newcomer", params={"n": n}).json() for n in (10, 2))
    assert [event["event_id"] for event in about["events"]] == ["e0", "e1", "e2"]
    assert [one["request_id"] for one in about["lists"]] == asked
    assert [event["event_id"] for event in newest["events"]] == ["e1", "e2"]
    assert [one["request_id"] for one in newest["lists"]] == asked[1:]
