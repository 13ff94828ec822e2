"""Lists of a batch follow what a server's store has beyond the version: events, items, and who was forgotten."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import AFTER, click

from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.request import Request
from recsys.moments import DAY
from recsys.pipeline.offline.caught_up import CaughtUp
from recsys.pipeline.offline.published import PublishedVersion
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of
from recsys.registry import Registry, StoreMark
from recsys.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        yield store


def put(item_id: str, **columns: object) -> ItemChange:
    return ItemChange(item_id, json.dumps({"item_id": item_id, **columns}))


def caught_up(registry: Path, store: Store, folder: Path) -> tuple[CaughtUp, Recommender, list[str]]:
    """In this process, as the processes of a run open it, and what was said."""
    said: list[str] = []
    known = CaughtUp.with_store(Bundle.load(registry), store, said.append)
    return known, PublishedVersion.of(known, registry, folder).open(), said


def test_processes_rank_as_a_server_that_has_read_the_store(
    trained_registry: Path, store: Store, tmp_path: Path
) -> None:
    trained = Recommender.load(trained_registry)
    gone, sold_out, bought = trained.catalogue.frame["item_id"][:3]
    like = trained.catalogue.frame.row(2, named=True)
    store.append(
        [
            *(click("newcomer", item, AFTER + DAY, event="purchase") for item in (bought, "unheard of", "brand new")),
            click("user 2", bought, AFTER + DAY, event="purchase"),
        ]
    )
    new = {"title": like["title"], "category": like["category"]}
    store.put_items(
        [
            put("brand new", **new),
            put("misfit", title="x", price="dear"),
            ItemChange(gone, None),
            put(sold_out, title="sold out", available=False),
            put("another", **new),
        ]
    )
    store.forget("user 3")
    known, opened, said = caught_up(trained_registry, store, tmp_path / "events")
    assert said == [
        f"the store has beyond version {trained.version}: 3 events, 2 new items, 1 forgotten user",
        "1 event is of items that nobody has put",
    ]
    requests = [Request(user, n=200, time=AFTER + 2 * DAY) for user in ("newcomer", "user 1", "user 2", "user 3")]
    expected, found = known.recommender.recommend_many(requests), opened.recommend_many(requests)
    for made, want in zip(found, expected, strict=True):
        assert made.ids == want.ids
        np.testing.assert_allclose(made.scores, want.scores, rtol=1e-5)  # one segment of events sums otherwise than two
    for made in found:
        assert "another" in made.ids
        assert not {gone, sold_out, "misfit", "unheard of"} & set(made.ids)
    assert opened.are_cold(requests).tolist() == [False, False, False, True]
    assert opened.users.remembered_id("user 3") is None
    assert trained.recommend(requests[2]).ids != found[2].ids


def test_who_was_forgotten_and_comes_back_is_a_new_user(trained_registry: Path, store: Store, tmp_path: Path) -> None:
    items = Bundle.load(trained_registry).catalogue.frame["item_id"]
    store.append([click("user 1", items[0], AFTER, event="purchase")])
    store.forget("user 1")
    store.append([click("user 1", items[1], AFTER + DAY, event="purchase")])
    known, opened, _ = caught_up(trained_registry, store, tmp_path / "events")
    asked = Request("user 1", time=AFTER + 2 * DAY)
    for recommender in (known.recommender, opened):
        assert [item for item, _, _ in history_of(recommender, "user 1")] == [items[1]]
    assert opened.recommend(asked).ids == known.recommender.recommend(asked).ids
    assert not opened.are_cold([asked]).any()


def test_what_was_learned_from_the_store_is_not_read_twice(
    trained_registry: Path, store: Store, tmp_path: Path
) -> None:
    bundle = Bundle.load(trained_registry)
    item = bundle.catalogue.frame["item_id"][0]
    store.append([click("newcomer", item, AFTER)])
    [(learned, _)] = store.read()
    registry = Registry(tmp_path / "registry")
    version = registry.publish(replace(bundle, store=StoreMark(identity=store.identity, offset=learned)))
    store.append([click("newcomer", item, AFTER + DAY)])
    known, _, said = caught_up(registry.path, store, tmp_path / "events")
    assert known.n_events == len(bundle.log) + 1
    assert said == [f"the store has beyond version {version}: 1 event, 0 new items, 0 forgotten users"]


def test_a_run_is_another_one_once_the_store_has_more(trained_registry: Path, store: Store) -> None:
    bundle = Bundle.load(trained_registry)
    item = bundle.catalogue.frame["item_id"][0]
    fingerprints = [CaughtUp.with_store(bundle, store).fingerprint for _ in range(2)]
    store.append([click("newcomer", item, AFTER)])
    fingerprints.append(CaughtUp.with_store(bundle, store).fingerprint)
    store.put_items([ItemChange(item, None)])
    fingerprints.append(CaughtUp.with_store(bundle, store).fingerprint)
    assert len(set(fingerprints)) == 3
    assert fingerprints[0] == fingerprints[1]
