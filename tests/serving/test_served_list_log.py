"""Lists that wait to be stored while the store is down."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from recsys.data.requests.served_list import ServedList
from recsys.errors import StoreError
from recsys.store import open_store
from serving import served_list_log
from serving.served_list_log import ServedListLog
from serving.watching.metrics import Metrics


def served(number: int) -> ServedList:
    return ServedList(f"r{number}", "u", time.time_ns() // 1_000, "v", "champion", 0, ("i",), (1.0,))


def test_the_newest_wait_and_the_rest_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_list_log, "WAITING", 10)
    store, metrics = open_store(f"sqlite:///{tmp_path}/store.db"), Metrics()
    lists = ServedListLog(store, metrics, seconds=60)

    def away(batch: Sequence[ServedList], seconds: int) -> None:
        """Others are answered while the store is asked in vain."""
        for number in range(1_000, 1_008):
            lists.note(served(number))
        raise StoreError("away")

    for number in range(10):
        lists.note(served(number))
    with monkeypatch.context() as patch:
        patch.setattr(store, "keep_lists", away)
        lists.flush()
    assert "recsys_lists_lost_total 8.0" in metrics.render().decode()
    lists.flush()
    assert set(store.lists([f"r{number}" for number in (*range(10), *range(1_000, 1_008))])) == {
        *("r8", "r9"),
        *(f"r{number}" for number in range(1_000, 1_008)),
    }
    store.close()


def test_what_cannot_be_stored_is_counted_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, metrics = open_store(f"sqlite:///{tmp_path}/store.db"), Metrics()
    lists = ServedListLog(store, metrics, seconds=60)

    def failing(error: Exception) -> None:
        def keep(batch: Sequence[ServedList], seconds: int) -> None:
            raise error

        monkeypatch.setattr(store, "keep_lists", keep)

    lists.note(served(1))
    failing(StoreError("the disk is full"))
    for _ in range(3):
        lists.flush()
    assert [record.message for record in caplog.records] == ["answered lists wait to be stored: the disk is full"]
    failing(ValueError("odd"))
    with pytest.raises(ValueError, match="odd"):
        lists.flush()
    assert "recsys_lists_lost_total 1.0" in metrics.render().decode()
    store.close()
