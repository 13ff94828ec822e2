"""Several versions side by side: who gets which, what is kept of it, and what events that follow say of it."""

import gc
import weakref
from collections import Counter

import httpx
from running import eventually, serving_thread
from serving_versions import publish_copy

from recsys.config import Config, ServingConfig, VariantConfig
from recsys.registry import Registry
from recsys.store import open_store
from serving.settings import Settings
from serving.versions.live import LiveState
from serving.versions.variants import assigned_variant, shadow_variants
from serving.watching.metrics import Metrics

USERS = [f"u{number}" for number in range(4_000)]


def variants(**shares: float) -> list[VariantConfig]:
    return [VariantConfig(name=name, share=share) for name, share in shares.items()]


def test_shares_are_kept_and_users_stay() -> None:
    before = {user: assigned_variant(variants(a=0.7, b=0.2, c=0.1), user).name for user in USERS}
    counts = Counter(before.values())
    for name, share in (("a", 0.7), ("b", 0.2), ("c", 0.1)):
        assert abs(counts[name] / len(USERS) - share) < 0.03
    assert before == {user: assigned_variant(variants(c=10, b=20, a=70), user).name for user in USERS}
    grown = {user: assigned_variant(variants(a=0.7, b=0.2, c=0.5), user).name for user in USERS}
    assert {grown[user] for user in USERS if grown[user] != before[user]} == {"c"}, "only to the one that grew"
    without = {user: assigned_variant(variants(a=0.7, b=0.2), user).name for user in USERS}
    assert all(without[user] == before[user] for user in USERS if before[user] != "c")
    assert {assigned_variant(variants(a=1, b=0), user).name for user in USERS} == {"a"}


def test_shadows_are_drawn_by_request() -> None:
    config = [VariantConfig(name="a"), VariantConfig(name="b", share=0, shadow=0.25)]
    drawn = [shadow_variants(config, "a", request) for request in USERS]
    assert abs(sum(map(len, drawn)) / len(USERS) - 0.25) < 0.03
    assert not any(shadow_variants(config, "b", request) for request in USERS)


def answer(http: httpx.Client, **body: object) -> dict[str, object]:
    response = http.post("/v1/recommend", json={"n": 5, **body})
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


def test_two_versions_answer_side_by_side(registry: Registry, items: list[str]) -> None:
    first = registry.resolve(None)
    second = publish_copy(registry, first, promote=False)
    chosen = [{"name": "champion", "share": 1}, {"name": "challenger", "version": "newest", "share": 1, "shadow": 1.0}]
    settings = Settings.of(
        Config.model_validate({"serving": {"variants": chosen, "encoder": "first use"}}), registry.path
    )
    with serving_thread(settings) as http:
        eventually(lambda: f'variant="challenger",version="{second}"' in http.get("/metrics").text)
        answers = {user: answer(http, user_id=user) for user in USERS[:40]}
        made_by = {user: (found["variant"], found["model_version"]) for user, found in answers.items()}
        assert set(made_by.values()) == {("champion", first), ("challenger", second)}
        assert all(answer(http, user_id=user)["variant"] == variant for user, (variant, _) in made_by.items())
        page = answer(http, history=items[:2])
        following = answer(http, history=items[:2], cursor=page["cursor"])
        assert page["variant"] == following["variant"], "a list is of one variant"

        # What was shown is kept: with version, variant and propensity, and the shadow's list beside it.
        user = next(user for user in USERS if made_by[user][0] == "champion")
        ids = [place["item_id"] for place in answers[user]["items"]]  # type: ignore[attr-defined, index]
        request = answers[user]["request_id"]

        def kept() -> dict[str, dict[str, object]]:
            lists = http.get(f"/v1/users/{user}").json()["lists"]
            return {found["variant"]: found for found in lists if found["request_id"] == request}

        eventually(lambda: set(kept()) == {"champion", "challenger"})
        assert kept()["champion"]["items"] == ids
        assert kept()["champion"]["propensities"] == [1.0] * 5
        assert (kept()["champion"]["shown"], kept()["challenger"]["shown"]) == (True, False)
        assert kept()["challenger"]["model_version"] == second

        # An event that follows says where it came from, and counts for its variant.
        event = {"user_id": user, "item_id": ids[3], "event": "click", "request_id": request}
        with serving_thread(settings) as other:
            for number, server in enumerate((http, other)):
                body = {"events": [{**event, "event_id": f"e{number}"}]}
                assert server.post("/v1/events", json=body).status_code == 202
                text = server.get("/metrics").text
                assert 'recsys_feedback_total{event="click",variant="champion"} 1.0' in text
        stored = http.get(f"/v1/users/{user}").json()["events"]
        assert [(event["position"], event["propensity"]) for event in stored] == [(3, 1.0)] * 2
        assert 'recsys_shadow_overlap_count{variant="challenger"}' in http.get("/metrics").text

        # A version that is published becomes the challenger; one that is promoted the champion.
        third = publish_copy(registry, first, promote=False)
        eventually(lambda: f'variant="challenger",version="{third}"' in http.get("/metrics").text)
        assert http.post(f"/v1/models/{second}/promote").json()["served"] == second
        assert answer(http, user_id=user)["model_version"] == second
        assert http.post("/v1/models/rollback").json()["served"] == first

        assert http.delete(f"/v1/users/{user}").json()["events"] == 2
        eventually(lambda: http.get(f"/v1/users/{user}").json()["lists"] == [])


def test_the_newest_version_is_taken_by_a_variant_alone_too(registry: Registry) -> None:
    variants = (VariantConfig(name="canary", version="newest"),)
    settings = Settings.of(Config(serving=ServingConfig(variants=variants)), registry.path)
    first, store = registry.resolve(None), open_store(settings.store)
    live = LiveState(settings, registry, store, Metrics())
    live.refresher.refresh()
    second = publish_copy(registry, first, promote=False)
    live.refresher.refresh()
    assert live.served.require().version == second
    store.close()


def test_a_variant_that_cannot_be_loaded_is_stood_in_for(registry: Registry) -> None:
    chosen = [{"name": "champion", "share": 0}, {"name": "challenger", "version": "20260101T000000Z-abcdef"}]
    settings = Settings.of(
        Config.model_validate({"serving": {"variants": chosen, "encoder": "first use"}}), registry.path
    )
    with serving_thread(settings) as http:
        assert answer(http, user_id="u")["variant"] == "champion"


def test_an_old_version_is_let_go_of(registry: Registry) -> None:
    settings = Settings.of(Config(), registry.path)
    first, store = registry.resolve(None), open_store(settings.store)
    live = LiveState(settings, registry, store, Metrics())
    live.refresher.refresh()
    old = weakref.ref(live.served.recommender().bundle)
    second = publish_copy(registry, first, promote=True)
    live.refresher.refresh()
    assert live.served.require().version == second
    gc.collect()
    assert old() is None
    store.close()
