"""A registry and a store on which servers start, and how two of them are compared."""

import gc
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.config import Config
from recsys.data.events.event import Event
from recsys.data.items.item_changes import ItemChange
from recsys.data.requests.request import Request
from recsys.pipeline.recommender.user_lookup import history_of
from recsys.registry import Registry
from recsys.store import Store
from serving.settings import Settings
from serving.versions.live import LiveState
from serving.watching.metrics import Metrics

START = 1_720_000_000_000_000
HOUR = 3_600_000_000
LATER = START + 1_000 * HOUR
USERS = ("user 1", "user 2", "new 1", "new 2", "new 3")
NEW_ITEMS = ("fresh-0", "fresh-1")


@dataclass
class World:
    """A registry and a store, which states are started on."""

    registry: Registry
    store: Store

    def state(self) -> LiveState:
        """A worker that was just started."""
        gc.collect()  # files that an earlier one has mapped are open until then
        live = LiveState(Settings.of(Config(), self.registry.path), self.registry, self.store, Metrics())
        live.refresher.refresh()
        return live

    def replayed(self) -> LiveState:
        """One that was started without a snapshot."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.state()

    def state_with_snapshot(self, *events: Event) -> LiveState:
        """A worker that has taken these events and was then asked to keep a snapshot."""
        live = self.state()
        self.store.append(events)
        follow(live)
        live.keep_snapshots()
        return live

    @property
    def folder(self) -> Path:
        return self.registry.path / "live"

    @property
    def snapshot(self) -> Path:
        return self.folder / self.registry.resolve(None) / "snapshot.json"

    def put(self, number: int) -> None:
        content = {"item_id": NEW_ITEMS[number], "title": f"a new crime novel {number}", "category": "books"}
        self.store.put_items([ItemChange(NEW_ITEMS[number], json.dumps(content))])


def clicks(user: str, *items: str, first: int = START, name: str = "click") -> list[Event]:
    return [
        Event(f"{user} {item} {first + place}", user, item, name, first + place * HOUR)
        for place, item in enumerate(items)
    ]


def follow(live: LiveState) -> None:
    live.catch_up_items()
    live.catch_up()


def knows(live: LiveState, user: str) -> list[tuple[str, str, int]]:
    return history_of(live.served.recommender(), user)


def same_histories(one: LiveState, other: LiveState) -> None:
    """All that is the same after someone was forgotten: what they did counts for items where it was seen, and the store
    no longer has it."""
    assert one.served.require().offset == other.served.require().offset
    for user in USERS:
        assert knows(one, user) == knows(other, user)


def same_answers(one: LiveState, other: LiveState) -> None:
    same_histories(one, other)
    requests = [Request(user, n=5, time=LATER) for user in (*USERS, "nobody")]
    found, expected = (live.served.recommender().recommend_many(requests) for live in (one, other))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.ids == theirs.ids
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-5)


def in_memory(live: LiveState) -> int:
    return live.served.recommender().scoring.state.in_memory
