"""Events from the API or a store to an `InteractionLog`: the same rules as for files, cheap for a handful of events."""

import math
from collections.abc import Sequence

import numpy as np

from recsys.config import EventsConfig
from recsys.data.events.event import Event
from recsys.data.events.events_table import event_weights
from recsys.data.ids.vocabulary import UNKNOWN, Vocabulary
from recsys.data.log.interactions import InteractionLog, request_keys
from recsys.data.tables.schema import MAX_EVENT_NAMES, MAX_NUMBER, MAX_POSITION, MIN_SHARE, ZONE_SKEW
from recsys.moments import clock


def log_of_events(
    events: Sequence[Event], items: Vocabulary, users: Vocabulary, names: tuple[str, ...], config: EventsConfig
) -> tuple[InteractionLog, int]:
    """Events as numbers that extend those known, in time order, and how many could not be used.

    Of events with the same event_id the first counts. An event cannot be used if its item is unknown, if a row of a
    file would be rejected for one of its fields, or if no number is left for its name.
    """
    latest = clock() + ZONE_SKEW
    sound = [event for event in events if _is_sound(event, latest)]
    distinct = _first_of_each_id(sound)
    of_items = sorted((event for event in distinct if event.item_id in items), key=lambda event: event.timestamp)
    event_names = _extended(names, of_items)
    kept = [event for event in of_items if event.event in event_names]
    rejected = len(events) - len(sound) + len(distinct) - len(kept)
    numbered_users = users.extended(event.user_id for event in kept)
    requests = Vocabulary(list(dict.fromkeys(event.request_id for event in kept if event.request_id)))
    numbers = event_names.numbers(event.event for event in kept).astype(np.int8)
    values = np.array([math.nan if event.value is None else event.value for event in kept], dtype=np.float32)
    all_names = tuple(event_names)
    log = InteractionLog(
        numbered_users,
        all_names,
        len(items),
        users=numbered_users.numbers(event.user_id for event in kept),
        items=items.numbers(event.item_id for event in kept),
        events=numbers,
        times=np.array([event.timestamp for event in kept], dtype=np.int64),
        weights=event_weights(list(all_names), numbers, values, config),
        values=values,
        requests=requests.numbers(event.request_id or "" for event in kept),
        positions=np.array([UNKNOWN if e.position is None else e.position for e in kept], dtype=np.int16),
        propensities=np.array([math.nan if e.propensity is None else e.propensity for e in kept], dtype=np.float32),
        request_keys=request_keys(requests),
    )
    return log, rejected


def _first_of_each_id(events: Sequence[Event]) -> list[Event]:
    """The events without those whose event_id is that of one before; events without an id all stay."""
    seen: set[str] = set()
    first: list[Event] = []
    for event in events:
        if event.event_id not in seen:
            first.append(event)
            if event.event_id.strip():
                seen.add(event.event_id)
    return first


def _extended(names: Sequence[str], events: Sequence[Event]) -> Vocabulary:
    """Numbers of the known names of events, and of those that come with the events, as long as there are numbers."""
    known = Vocabulary(names)
    further = dict.fromkeys(event.event for event in events if event.event not in known)
    return known.extended(list(further)[: MAX_EVENT_NAMES - len(names)])


def _is_sound(event: Event, latest: int) -> bool:
    """Whether a row of a file with these cells would be good."""
    return (
        all(text is not None and bool(text.strip()) for text in (event.user_id, event.item_id, event.event))
        and 0 <= event.timestamp <= latest
        and (event.position is None or 0 <= event.position <= MAX_POSITION)
        and (event.propensity is None or MIN_SHARE <= event.propensity <= 1)
        and (event.value is None or abs(event.value) <= MAX_NUMBER)
    )
