"""How far in the future an event may lie: minutes where it is sent, a day where it is read."""

import time
from collections.abc import Callable

import polars as pl
import pytest

from recsys.config import EventsConfig, parse_config
from recsys.data.events.event import Event
from recsys.data.events.event_batch import log_of_events
from recsys.data.events.event_messages import Message, read_messages
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.loading import dataset_from_frames
from recsys.data.tables.schema import CLOCK_SKEW, ZONE_SKEW

EVENT = {"user_id": "u", "item_id": "i", "event": "click"}
MINUTE = 60_000_000


def from_a_stream(moment: int) -> int:
    return len(read_messages([Message("1-0", EVENT, moment)])[0])


def from_a_store(moment: int) -> int:
    event = Event(event_id="e", timestamp=moment, **EVENT)  # type: ignore[arg-type]
    return len(log_of_events([event], Vocabulary(["i"]), Vocabulary([]), (), EventsConfig())[0])


def from_a_file(moment: int) -> int:
    times = pl.Series([0, moment]).cast(pl.Datetime("us"))
    events = pl.DataFrame([EVENT, EVENT]).with_columns(timestamp=times)
    items = pl.DataFrame({"item_id": ["i"], "title": ["Cup"]})
    return len(dataset_from_frames(items, events, parse_config({"data": {"max_rejected": 1.0}})).log) - 1


@pytest.mark.parametrize(
    ("read", "most"), [(from_a_stream, CLOCK_SKEW), (from_a_store, ZONE_SKEW), (from_a_file, ZONE_SKEW)]
)
def test_events_may_lie_so_far_in_the_future(read: Callable[[int], int], most: int) -> None:
    now = time.time_ns() // 1_000
    assert [read(now + most - MINUTE), read(now + most + MINUTE)] == [1, 0]


def test_a_time_without_a_zone_of_the_farthest_east_may_be_read() -> None:
    assert CLOCK_SKEW < 14 * 60 * MINUTE < ZONE_SKEW
