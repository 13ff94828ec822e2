"""Users who asked to be forgotten are in no version any more."""

from dataclasses import replace

import polars as pl
import pytest
from pipeline_world import fashion

from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.requests.request import Request
from recsys.pipeline.evaluation.evaluate import evaluate
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.retraining import increment
from recsys.pipeline.retraining.retrain import retrain
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import Store


def test_a_forgotten_user_leaves_the_served_log_though_there_is_nothing_to_train_on(
    plain_registry: Registry, store: Store, plain: Bundle, early: Dataset
) -> None:
    first = plain_registry.current()
    store.forget("user 7")
    decision = retrain(plain_registry, store, progress=silent)
    assert decision.action == "skipped"
    assert decision.forgotten_in == plain_registry.current() != first
    assert plain_registry.versions() == [decision.forgotten_in], "the version that held the user is gone"
    served = Bundle.load(plain_registry)
    assert "user 7" not in served.log.user_vocabulary
    assert "user 8" in served.log.user_vocabulary
    assert Recommender(served).recommend(Request("user 8")).ids
    before, after = (evaluate(one, early).per_request for one in (plain, served))
    assert before is not None
    assert after is not None
    assert after.equals(before.filter(pl.col("user_id") != "user 7")), "each figure stays with its user"
    again = retrain(plain_registry, store, progress=silent)
    assert (again.action, again.forgotten_in, plain_registry.current()) == ("skipped", None, served.version)


def test_a_forgetting_that_was_cut_short_is_finished_by_the_next_run(
    plain_registry: Registry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plain_registry.current()
    store.forget("user 7")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "remove", dies)
        with pytest.raises(KeyboardInterrupt):
            retrain(plain_registry, store, progress=silent)
    assert first in plain_registry.versions()
    assert retrain(plain_registry, store, progress=silent).action == "skipped"
    assert plain_registry.versions() == [plain_registry.current()] != [first]


def test_a_forgotten_user_is_in_no_further_training(
    plain_registry: Registry, store: Store, items: list[str], plain: Bundle
) -> None:
    store.append(fashion(items, 300))
    store.forget("user 7")
    # A fashion narrows what is listed; that is not what is asked here.
    decision = retrain(plain_registry, store, overrides=["retrain.max_coverage_loss=1.0"], progress=silent)
    assert (decision.action, decision.forgotten_in) == ("promoted", None), decision.reason
    second = Bundle.load(plain_registry)
    assert "user 7" not in second.log.user_vocabulary
    assert len(second.log) < len(plain.log) + 300


def test_a_user_forgotten_while_the_log_is_read_is_in_no_training(
    plain_registry: Registry, store: Store, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    news = fashion(items, 300)
    store.append(news)
    read, user = store.read, news[0].user_id

    def read_then_forget(after: int, limit: int) -> list[tuple[int, Event]]:
        found = read(after, limit)
        if found and after == 0:
            store.forget(user)
            store.append([replace(news[-1], event_id="later", user_id="somebody else")])
        return found

    monkeypatch.setattr(increment, "_PAGE", 200)
    monkeypatch.setattr(store, "read", read_then_forget)
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    assert user not in Bundle.load(plain_registry).log.user_vocabulary


def test_a_forgetting_serves_nothing_in_place_of_what_was_made_current_meanwhile(
    plain_registry: Registry, store: Store
) -> None:
    first = plain_registry.current()
    other = plain_registry.add(Bundle.load(plain_registry))
    store.forget("user 7")
    said: list[str] = []

    def chooses(message: str) -> None:
        said.append(message)
        if message.startswith("publishing version"):
            plain_registry.promote(other, "by hand")

    decision = retrain(plain_registry, store, progress=chooses)
    assert (decision.forgotten_in, plain_registry.current()) == (None, other)
    assert first not in plain_registry.versions()
    assert f"version {other} was made current meanwhile; it may hold forgotten users until the next run" in said
    assert retrain(plain_registry, store, progress=silent).forgotten_in == plain_registry.current()
    assert "user 7" not in Bundle.load(plain_registry).log.user_vocabulary
