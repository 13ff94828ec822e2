"""The SQLite store: the contract, and what is its own."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from event_log_contract import EventLogContract, as_soon_as_it_answers, click
from item_store_contract import ItemStoreContract
from served_list_store_contract import DAY, ServedListStoreContract, served
from user_store_contract import UserStoreContract

from recsys.data.events.event import Event
from recsys.errors import ConfigError, StoreError
from recsys.store import open_precomputed_lists, open_store, sqlite_url
from recsys.store.sqlite.precomputed_lists import SqlitePrecomputedLists
from recsys.store.sqlite.schema import MIGRATIONS
from recsys.store.sqlite.store import SqliteStore

WRITER = """
import sys
from recsys.data.events.event import Event
from recsys.store import open_store
log = open_store(sys.argv[1])
number = 0
while True:
    log.append([Event(f"k{number}-{part}", "u", "i", "click", 1) for part in range(3)])
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a store?#%20.db"


class TestSqlite(EventLogContract, ItemStoreContract, ServedListStoreContract, UserStoreContract):
    @pytest.fixture
    def url(self, file: Path) -> str:
        return sqlite_url(file)


def test_a_relative_url_is_a_file_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///here.db").close()
    assert (tmp_path / "here.db").exists()


@pytest.mark.parametrize(("column", "cell"), [("items", "no JSON"), ("items", "[5]"), ("propensities", "7")])
def test_a_list_that_another_program_has_spoilt_has_no_items(file: Path, column: str, cell: str) -> None:
    store = open_store(sqlite_url(file))
    store.keep_lists([served(1), served(2)], DAY)
    with closing(sqlite3.connect(file)) as other, other:
        other.execute(f"UPDATE answered_lists SET {column} = ? WHERE request_id = 'r1'", (cell,))
    found = [store.lists(["r1", "r2"]), {one.request_id: one for one in store.lists_of("u1")}]
    assert [{id_: len(one.items) for id_, one in lists.items()} for lists in found] == [{"r1": 0, "r2": 2}] * 2
    store.close()


def test_every_append_is_synced_to_the_disk(file: Path) -> None:
    log = open_store(sqlite_url(file))
    connection = log._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    log.close()


def test_what_was_acknowledged_outlives_kill_9(file: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, sqlite_url(file)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(30)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split()]
    writer.stdout.close()
    writer.wait()
    log = open_store(sqlite_url(file))
    ids = [event.event_id for _, event in log.read()]
    log.close()
    assert len(ids) == len(set(ids))
    assert len(ids) % 3 == 0, "an append is all or none"
    assert {f"k{number}-{part}" for number in acknowledged for part in range(3)} <= set(ids)


def test_calls_behind_a_locked_file_do_not_wait_one_after_the_other(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.store.sqlite.connection.BUSY_SECONDS", 0.5)
    store = open_store(sqlite_url(file))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(store.append, [click(number)]) for number in range(12)]
    assert all(isinstance(call.exception(), StoreError) for call in calls)
    assert any("database is locked; another process holds it" in str(call.exception()) for call in calls)
    assert time.monotonic() - started < 4, "6 seconds, if each waited for the one before"
    started = time.monotonic()
    with pytest.raises(StoreError, match="does not answer; another process holds it"):
        store.append([click(1)])
    assert time.monotonic() - started < 0.5, "nobody waits a second time"
    assert store.last_offset() == 0, "it can be read"
    other.execute("ROLLBACK")
    other.close()
    assert as_soon_as_it_answers(lambda: store.append([click(1)])).accepted == 1
    store.close()


def test_an_older_file_is_brought_up_step_by_step(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_store(sqlite_url(file))
    log.append([click(1)])
    log.close()
    newer = (*MIGRATIONS, ("ALTER TABLE log ADD COLUMN note TEXT", "UPDATE log SET note = 'migrated'"))
    monkeypatch.setattr("recsys.store.sqlite.store.MIGRATIONS", newer)
    log = open_store(sqlite_url(file))
    assert [event for _, event in log.read()] == [click(1)]
    log.close()
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT note FROM log").fetchall() == [("migrated",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(newer),)
    connection.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_file_of_each_earlier_version_is_brought_up(file: Path, version: int) -> None:
    connection = sqlite3.connect(file)
    for statement in (statement for step in MIGRATIONS[:version] for statement in step):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO events (event_id, user_id, item_id, event, timestamp, session_id, context)"
        " VALUES ('e', 'u', 'i', 'x', 1, 's', '{}')"
    )
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    store = open_store(sqlite_url(file))
    assert store.events_of("u") == [Event("e", "u", "i", "x", 1, session_id="s", context="{}")]
    assert store.read_items() == []
    assert store.lists(["r"]) == {}
    store.close()


def test_who_is_forgotten_is_in_no_file(file: Path) -> None:
    store = open_store(sqlite_url(file))
    store.append([click(number, user_id="somebody's name") for number in range(50)])
    store.keep_lists([served(number, user_id="somebody's name") for number in range(50)], DAY)
    store.forget("somebody's name")
    assert all(b"somebody" not in part.read_bytes() for part in file.parent.iterdir())
    store.close()


def test_a_reader_that_keeps_the_log_is_reported_until_forgotten_users_are_gone(file: Path) -> None:
    store = open_store(sqlite_url(file))
    store.append([click(number, user_id="somebody's name") for number in range(50)])
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    with pytest.raises(StoreError, match="another process"):
        store.forget("somebody's name")
    reader.close()
    assert store.forget("somebody's name") == 0, "they were removed at once"
    assert all(b"somebody" not in part.read_bytes() for part in file.parent.iterdir())
    store.close()


def test_old_lists_are_dropped(file: Path) -> None:
    store = open_store(sqlite_url(file))
    store.keep_lists([served(1, timestamp=1), served(2)], DAY)
    assert [one.request_id for one in store.lists_of("u1")] == ["r2"]
    store.close()


def test_a_newer_file_is_refused(file: Path) -> None:
    open_store(sqlite_url(file)).close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema version 99"):
        open_store(sqlite_url(file))


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database " * 1000)
    for path in (garbage, tmp_path, tmp_path / "missing" / "store.db"):
        with pytest.raises(StoreError, match=re.escape(str(path))):
            open_store(sqlite_url(path))


@pytest.mark.parametrize("url", ["mysql://localhost/x", "store.db", "", "sqlite://store.db", "sqlite:///"])
def test_an_unknown_url_names_what_works(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///FILE"):
        open_store(url)


def test_without_its_log_a_file_takes_nothing(tmp_path: Path) -> None:
    """What was written behind it would be lost with the process."""
    path = tmp_path / "events.db"
    store = open_store(sqlite_url(path))
    store.append([click(1)])
    store.forget("nobody")  # empties the log, which stays the same file
    store.append([click(2)])
    log = path.with_name("events.db-wal")
    log.rename(tmp_path / "moved")
    for call in (lambda: store.append([click(3)]), store.read):
        with pytest.raises(StoreError, match=r"events\.db-wal: the file was removed or replaced"):
            call()
    store.close()  # saves what the log held
    again = open_store(sqlite_url(path))
    assert [event.event_id for _, event in again.read()] == ["e1", "e2"]
    again.close()


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder that everybody may write to; nothing in this block is done as root, who may write anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65_534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)


def test_a_file_that_may_only_be_read_is_refused(folder_of_nobody: Path) -> None:
    path = folder_of_nobody / "events.db"
    store = open_store(sqlite_url(path))
    store.append([click(1)])
    store.close()
    path.chmod(0o444)
    with pytest.raises(StoreError, match=r"readonly database; check that the file .* can be written"):
        open_store(sqlite_url(path))


def test_processes_that_make_a_file_together_wait_for_one_another(tmp_path: Path) -> None:
    def opened(number: int) -> str:
        store = open_store(sqlite_url(tmp_path / f"{number // 4}.db"))
        store.close()
        return store.identity

    with ThreadPoolExecutor(4) as threads:
        identities = list(threads.map(opened, range(120)))
    assert len(set(identities)) == 30


def test_a_file_that_is_gone_or_replaced_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    store = open_store(sqlite_url(path))
    store.append([click(1)])
    path.rename(tmp_path / "moved.db")
    for put_back in (lambda: None, path.touch):
        put_back()
        with pytest.raises(StoreError, match="removed or replaced"):
            store.append([click(2)])
    (tmp_path / "moved.db").replace(path)
    assert store.append([click(2)]).accepted == 1
    store.close()


@pytest.mark.parametrize("opened", [open_store, open_precomputed_lists])
def test_a_file_of_another_program_stays_as_it_is(
    file: Path, opened: Callable[[str], SqliteStore | SqlitePrecomputedLists]
) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE invoices (number INTEGER)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"holds something else \(tables: invoices\), and is left as it is"):
        opened(sqlite_url(file))
    assert file.read_bytes() == before


def test_a_store_and_lists_have_a_file_each(file: Path) -> None:
    lists = open_precomputed_lists(sqlite_url(file))
    with pytest.raises(StoreError, match=r"store .* holds something else \(tables: lists\)"):
        open_store(sqlite_url(file))
    lists.close()
    open_precomputed_lists(sqlite_url(file)).close()
    store = file.with_name("store.db")
    open_store(sqlite_url(store)).close()
    with pytest.raises(StoreError, match=r"lists in .* holds something else \(tables: answered_lists, events, "):
        open_precomputed_lists(sqlite_url(store))
