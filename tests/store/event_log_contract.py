"""What every event log must do. A store's tests inherit `EventLogContract` and say how to open one."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from recsys.data.events.event import Event
from recsys.errors import StoreError
from recsys.store import AppendResult, EventLog, open_store

Result = TypeVar("Result")


def click(number: int, **changes: object) -> Event:
    """An event with the id e<number>."""
    event = Event(
        event_id=f"e{number}", user_id="u1", item_id=f"i{number}", event="click", timestamp=1_000_000 + number
    )
    return dataclasses.replace(event, **changes)  # type: ignore[arg-type]


def as_soon_as_it_answers(call: Callable[[], Result]) -> Result:
    """What a call returns when the server answers again."""
    end = time.monotonic() + 30
    while True:
        try:
            return call()
        except StoreError:
            assert time.monotonic() < end


class EventLogContract:
    """Inherited by the tests of each store, which override `url`."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def log(self, url: str) -> Iterator[EventLog]:
        log = open_store(url)
        yield log
        log.close()

    def test_a_new_log_is_empty(self, log: EventLog) -> None:
        assert log.last_offset() == 0
        assert log.read() == []

    def test_events_come_back_as_they_were(self, log: EventLog) -> None:
        full = click(
            1, request_id="r", position=0, propensity=0.25, value=-1.5, session_id="s", context='{"query": "مرحبا 🎈"}'
        )
        bare = click(2, user_id="用户", item_id="a/b c?\u0000")
        assert log.append([full, bare]) == AppendResult((True, True))
        assert [event for _, event in log.read()] == [full, bare]

    def test_a_repeated_event_counts_once(self, log: EventLog) -> None:
        log.append([click(1)])
        result = log.append([click(1, event="purchase"), click(2), click(2)])
        assert result == AppendResult((False, True, False))
        assert (result.accepted, result.duplicates) == (1, 2)
        assert [event for _, event in log.read()] == [click(1), click(2)]

    def test_an_empty_append_does_nothing(self, log: EventLog) -> None:
        assert log.append([]) == AppendResult(())

    def test_one_broken_event_keeps_all_of_a_call_out(self, log: EventLog) -> None:
        broken = click(2, item_id=None)
        with pytest.raises(StoreError):
            log.append([click(1), broken])
        assert log.read() == []
        assert log.append([click(1)]).accepted == 1

    def test_offsets_grow_and_pages_join_without_a_gap(self, log: EventLog) -> None:
        log.append([click(number) for number in range(5)])
        log.append([click(0), click(5)])
        offsets, events, after = [], [], 0
        while page := log.read(after, limit=2):
            assert len(page) <= 2
            after = page[-1][0]
            offsets += [offset for offset, _ in page]
            events += [event for _, event in page]
        assert events == [click(number) for number in range(6)]
        assert offsets == sorted(set(offsets))
        assert offsets[-1] == log.last_offset()
        assert log.read(log.last_offset()) == []

    def test_it_is_all_there_after_opening_again(self, url: str, log: EventLog) -> None:
        log.append([click(1)])
        before, identity = log.read(), log.identity
        log.close()
        again = open_store(url)
        assert again.read() == before
        assert again.identity == identity
        assert again.append([click(1)]) == AppendResult((False,))
        again.append([click(2)])
        assert again.last_offset() > before[-1][0]
        again.close()

    @pytest.mark.parametrize("events", [[], [click(1)]])
    def test_reserved_offsets_are_given_to_nobody(self, url: str, log: EventLog, events: list[Event]) -> None:
        """As where a store was put back from a backup, and a version has learned of events that it has lost."""
        log.append(events)
        for offset in (0, 50, 7):
            log.reserve(offset)
        log.append([click(2)])
        other = open_store(url)
        assert other.read(50) == [(51, click(2))]
        other.close()

    @pytest.mark.parametrize(("events", "seen"), [([], 1), ([], 50), ([click(1)], 50)])
    def test_no_offset_is_given_again_that_a_reader_has_come_to(
        self, url: str, log: EventLog, events: list[Event], seen: int
    ) -> None:
        log.append(events)
        assert log.read(seen) == []
        log.append([click(2)])
        other = open_store(url)
        assert other.read(seen) == [(seen + 1, click(2))]
        other.close()

    def test_closing_twice_is_fine_and_a_closed_log_says_so(self, log: EventLog) -> None:
        log.close()
        log.close()
        with pytest.raises(StoreError):
            log.last_offset()

    def test_many_threads_over_two_connections_store_each_event_once(self, url: str, log: EventLog) -> None:
        other = open_store(url)
        accepted = []

        def write(target: EventLog, start: int) -> None:
            for number in range(start, start + 20):
                result = target.append([click(number), click(number + 1)])
                accepted.append(result.accepted)

        threads = [
            threading.Thread(target=write, args=(target, start)) for target in (log, other) for start in (0, 10, 20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = [event for _, event in log.read()]
        assert sum(accepted) == len(events) == 41
        assert {event.event_id for event in events} == {f"e{number}" for number in range(41)}
        assert log.read() == other.read()
        other.close()
