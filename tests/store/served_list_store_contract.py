"""What every store of answered lists must do. Its tests inherit `ServedListStoreContract` and say how to open one."""

import time
from dataclasses import replace

from event_log_contract import click

from recsys.data.requests.served_list import ServedList
from recsys.store import Store, open_store

DAY = 86_400


def served(number: int, **changes: object) -> ServedList:
    """A list with the request r<number>."""
    now = time.time_ns() // 1_000
    one = ServedList(f"r{number}", "u1", now + number, "v1", "champion", 0, ("i1", "a/b ☕"), (1.0, 0.25))
    return replace(one, **changes)  # type: ignore[arg-type]


class ServedListStoreContract:
    """Inherited by the tests of each store, which give the fixtures `url` and `log`."""

    def test_lists_come_back_as_they_were(self, url: str, log: Store) -> None:
        assert log.lists(["r1"]) == {}
        lists = [served(1), served(2, user_id=None, first_position=10), served(3, items=(), propensities=())]
        log.keep_lists(lists, DAY)
        log.keep_lists([], DAY)
        again = open_store(url)
        for store in (log, again):
            assert store.lists(["r1", "r2", "r3", "r4"]) == {one.request_id: one for one in lists}
            assert store.lists([]) == {}
            assert store.lists_of("u1") == [lists[0], lists[2]]
            assert store.lists_of("u1", limit=1) == [lists[2]]
            assert store.lists_of("nobody") == []
        again.close()

    def test_each_is_kept_once_and_what_was_not_shown_is_not_what_events_follow_from(self, log: Store) -> None:
        shown, unseen = served(1), served(1, variant="challenger", items=("i9",), propensities=(1.0,), shown=False)
        log.keep_lists([shown, unseen], DAY)
        log.keep_lists([replace(shown, items=(), propensities=())], DAY)
        assert log.lists(["r1"]) == {"r1": shown}
        assert sorted(log.lists_of("u1"), key=lambda one: one.shown) == [unseen, shown]

    def test_a_forgotten_user_has_no_lists(self, log: Store) -> None:
        log.keep_lists([served(1), served(2, user_id="u2")], DAY)
        log.forget("u1")
        assert log.lists_of("u1") == []
        assert list(log.lists(["r1", "r2"])) == ["r2"]

    def test_what_was_made_before_a_user_was_forgotten_is_not_kept_afterwards(self, log: Store) -> None:
        log.append([click(1)])
        known = log.last_offset()
        log.forget("u1")
        mark, _ = log.read_forgotten()[-1]
        late = [served(1, known=known), served(2, user_id="u2", known=known), served(3, user_id=None, known=known)]
        log.keep_lists([*late, served(4, known=mark)], DAY)  # the last one was made for who came back
        assert sorted(log.lists(["r1", "r2", "r3", "r4"])) == ["r2", "r3", "r4"]
        assert [one.request_id for one in log.lists_of("u1")] == ["r4"]
