"""A whole store: events, items, users and answered lists, in one place."""

from typing import Protocol

from recsys.data.events.event import Event
from recsys.data.users.forget import Forgotten
from recsys.store.event_log import EventLog
from recsys.store.item_store import ItemStore
from recsys.store.served_list_store import ServedListStore
from recsys.store.user_store import UserStore


class Store(EventLog, ItemStore, UserStore, ServedListStore, Protocol):
    """What `open_store` gives."""


def read_log(store: Store, after: int, limit: int = 10_000) -> list[tuple[int, Event | Forgotten]]:
    """Events and marks of forgotten users above an offset, in the order in which they happened.

    At most `limit` events; a reader that goes on from the last offset misses nothing.
    """
    events = store.read(after, limit)
    # Read after the events: a mark that is older than any of them is there by now.
    marks = store.read_forgotten(after)
    if marks and (not events or events[-1][0] < marks[-1][0]):  # an event may have come before the newest mark since
        events = [entry for entry in store.read(after, limit) if entry[0] < marks[-1][0]]
    if len(events) == limit:
        marks = [mark for mark in marks if mark[0] < events[-1][0]]
    return sorted([*events, *marks], key=lambda entry: entry[0])
