"""What every store must do about one user. A store's tests inherit `UserStoreContract` and say how to open one."""

import pytest
from event_log_contract import click

from recsys.data.events.event import Event
from recsys.data.users.forget import Forgotten, user_digest
from recsys.store import AppendResult, Store, open_store, read_log


class UserStoreContract:
    """Inherited by the tests of each store, which give the fixtures `url` and `log`."""

    def test_the_events_of_one_user_are_the_newest_in_order(self, log: Store) -> None:
        assert (log.events_of("u1"), log.count_of("u1")) == ([], 0)
        log.append([click(1), click(2, user_id="u2"), click(3), click(4)])
        assert log.events_of("u1") == [click(1), click(3), click(4)]
        assert log.events_of("u1", limit=2) == [click(3), click(4)]
        assert (log.count_of("u1"), log.count_of("u2"), log.count_of("u")) == (3, 1, 0)

    def test_a_forgotten_user_leaves_a_mark_between_the_events(self, url: str, log: Store) -> None:
        log.append([click(1), click(2, user_id="u2")])
        before = log.last_offset()
        assert log.forget("u1") == 1
        log.append([click(3)])
        assert log.events_of("u1") == [click(3)]
        mark, event = read_log(log, before)
        assert (mark[1], event[1]) == (Forgotten(user_digest("u1")), click(3))
        assert before < mark[0] < event[0]
        assert [entry for _, entry in read_log(log, 0)] == [click(2, user_id="u2"), mark[1], click(3)]
        assert log.read_forgotten(mark[0]) == []
        again = open_store(url)
        assert read_log(again, 0) == read_log(log, 0)
        again.close()

    def test_one_who_was_never_there_is_forgotten_as_well(self, log: Store) -> None:
        assert log.forget("nobody") == 0
        assert [entry for _, entry in log.read_forgotten()] == [Forgotten(user_digest("nobody"))]
        assert log.append([click(1)]) == AppendResult((True,))
        assert log.read()[0][0] > log.read_forgotten()[0][0]

    def test_marks_wait_for_their_page(self, log: Store) -> None:
        log.append([click(1), click(2)])
        log.forget("nobody")
        log.append([click(3)])
        found, after = [], 0
        while page := read_log(log, after, limit=1):
            found += [entry for _, entry in page]
            after = page[-1][0]
        assert found == [click(1), click(2), Forgotten(user_digest("nobody")), click(3)]

    def test_an_event_that_comes_between_both_reads_is_not_passed_over(
        self, log: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.append([click(1)])

        def read_then_write(after: int, limit: int) -> list[tuple[int, Event]]:
            monkeypatch.undo()
            found = log.read(after, limit)
            log.append([click(2)])
            log.forget("nobody")
            log.append([click(3)])
            return found

        monkeypatch.setattr(log, "read", read_then_write)
        found, after = [], 0
        while page := read_log(log, after):
            found += [entry for _, entry in page]
            after = page[-1][0]
        assert found == [click(1), click(2), Forgotten(user_digest("nobody")), click(3)]
