"""What a store brings to a retraining, and what of it is set aside."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipeline_world import fashion

from recsys.data.items.item_changes import ItemChange
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.retraining.retrain import retrain
from recsys.progress import silent
from recsys.registry import Registry
from recsys.store import Store, open_store, sqlite_url


def test_the_store_is_read_on_from_where_the_last_version_ended(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    events = fashion(items, 310)
    store.append(events[:90])
    assert retrain(plain_registry, store, progress=silent).action == "skipped"
    store.append(events[80:300])
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.new_events) == ("promoted", 300), decision.reason
    second = Bundle.load(plain_registry)
    assert second.store is not None
    assert (second.store.identity, second.store.offset) == (store.identity, store.last_offset())
    assert second.data_record.end == events[299].timestamp
    store.append(events[300:])
    again = retrain(plain_registry, store, progress=silent)
    assert (again.action, again.new_events, again.champion) == ("skipped", 10, second.version)


def test_another_store_is_read_from_its_start(
    plain_registry: Registry, store: Store, items: list[str], tmp_path: Path
) -> None:
    store.append(fashion(items, 300))
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    other = open_store(sqlite_url(tmp_path / "other.db"))
    other.append(fashion(items, 7, start=Bundle.load(plain_registry).data_record.end + 1))
    assert retrain(plain_registry, other, progress=silent).new_events == 7
    other.close()


def test_an_item_that_does_not_fit_is_set_aside_and_said(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    store.put_items(
        [
            ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}'),
            ItemChange("tea-2", '{"item_id": "tea-2", "title": "black tea", "price": "dear"}'),
        ]
    )
    store.append(fashion(items, 300))
    decision = retrain(plain_registry, store, progress=silent)
    assert decision.action == "promoted", decision.reason
    assert len(decision.set_aside) == 1
    assert "tea-2" in decision.set_aside[0]
    catalogue = Bundle.load(plain_registry).catalogue
    assert "tea-1" in catalogue.vocabulary
    assert "tea-2" not in catalogue.vocabulary


def test_an_event_of_an_item_that_comes_while_the_store_is_read_is_not_lost(
    plain_registry: Registry, store: Store, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    news, reads = fashion(items, 301), [store.read, store.read_items]
    store.append(news[:300])

    def then_more_comes(read: Callable[[int, int], list[Any]]) -> Callable[[int, int], list[Any]]:
        def reading(after: int, limit: int) -> list[Any]:
            found = read(after, limit)
            if not found:
                store.put_items([ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}')])
                store.append([replace(news[-1], item_id="tea-1")])
            return found

        return reading

    for name, read in zip(("read", "read_items"), reads, strict=True):
        monkeypatch.setattr(store, name, then_more_comes(read))
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.set_aside) == ("promoted", ()), decision.reason
    monkeypatch.undo()
    second = Bundle.load(plain_registry)
    assert second.store is not None
    left = [event.item_id for _, event in store.read(second.store.offset)]
    tea = second.catalogue.vocabulary.number("tea-1")
    assert int(np.count_nonzero(second.log.items == tea)) + left.count("tea-1") == 1


def test_an_event_that_came_before_its_item_is_learned_from_once_the_item_is_there(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    news = fashion(items, 420)
    store.append([*news[:300], replace(news[0], event_id="early", item_id="tea-1")])
    first = retrain(plain_registry, store, progress=silent)
    assert (first.action, first.set_aside) == ("promoted", ("1 event of unknown items or with wrong cells",))
    store.put_items([ItemChange("tea-1", '{"item_id": "tea-1", "title": "green tea", "price": 3.5}')])
    store.append(news[300:])
    assert retrain(plain_registry, store, dry_run=True, progress=silent).new_events == 121


def test_events_that_are_all_of_unknown_items_are_refused_and_not_passed_over(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    """Else a watch would say `too few events` for ever, and tell nobody."""
    store.append([replace(event, item_id=f"sku:{event.item_id}") for event in fashion(items, 300)])
    decision = retrain(plain_registry, store, progress=silent)
    assert (decision.action, decision.new_events) == ("refused", 0)
    assert decision.reason.startswith("unknown ids: 100.0% of the new events name unknown items")
    assert plain_registry.versions() == [plain_registry.current()]


def test_a_store_that_was_put_back_from_a_backup_hides_no_event(
    plain_registry: Registry, store: Store, items: list[str], tmp_path: Path
) -> None:
    news = fashion(items, 420)
    store.append(news[:150])
    backup = tmp_path / "backup.db"
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    store.append(news[150:300])
    assert retrain(plain_registry, store, progress=silent).action == "promoted"
    restored = open_store(sqlite_url(backup))
    assert retrain(plain_registry, restored, progress=silent).new_events == 0
    restored.append(news[300:])
    decision = retrain(plain_registry, restored, dry_run=True, progress=silent)
    restored.close()
    assert decision.new_events == 120


def test_more_names_of_events_than_can_be_numbered_are_set_aside(
    plain_registry: Registry, store: Store, items: list[str]
) -> None:
    events = fashion(items, 600)
    store.append([replace(e, event=f"name {n // 4}") if n % 4 == 0 else e for n, e in enumerate(events)])
    decision = retrain(plain_registry, store, dry_run=True, progress=silent)
    assert decision.new_events == 600 - 25
    assert decision.set_aside == ("25 events of unknown items or with wrong cells",)
