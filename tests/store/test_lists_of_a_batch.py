"""Lists of a batch, looked up by id: the contract on SQLite, PostgreSQL and Redis."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.databases import REDIS, PostgresServer, free_port, postgres_server, redis_server, why_no_postgres
from recsys.errors import ConfigError, StoreError
from recsys.store import is_database_url, open_precomputed_lists, open_store
from recsys.store.precomputed_lists import PrecomputedLists
from recsys.store.tail import SharedTail


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg", reason="needs psycopg (install recsys[postgres])")
    with postgres_server() as server:
        yield server


class PrecomputedListsContract:
    """What every place must do. `url` is a fixture of the test class."""

    @pytest.fixture
    def lists(self, url: str) -> Iterator[PrecomputedLists]:
        with closing(open_precomputed_lists(url)) as lists:
            yield lists

    def test_nothing_is_there_at_first(self, lists: PrecomputedLists) -> None:
        assert lists.get("u1") is None
        lists.forget("u1")
        assert lists.replace([]) == 0

    def test_lists_are_replaced_as_a_whole(self, lists: PrecomputedLists, url: str) -> None:
        assert lists.replace((f"u{number}", f"old {number}") for number in range(2_500)) == 2_500
        assert lists.get("u2499") == "old 2499"
        assert lists.replace([("u1", "new \U0001f600"), ('\0\\"', "odd")]) == 2
        with closing(open_precomputed_lists(url)) as another:
            assert another.get("u1") == "new \U0001f600"
            assert another.get('\0\\"') == "odd"
            assert another.get("u2") is None

    def test_a_batch_that_dies_leaves_the_old_lists(self, lists: PrecomputedLists) -> None:
        lists.replace([("u1", "old"), ("u2", "old")])

        def dying() -> Iterator[tuple[str, str]]:
            for number in range(1_500):
                yield f"u{number}", "new"
            raise RuntimeError("the machine is gone")

        with pytest.raises(RuntimeError):
            lists.replace(dying())
        assert (lists.get("u1"), lists.get("u3")) == ("old", None)
        assert lists.replace([("u3", "next")]) == 1
        assert (lists.get("u1"), lists.get("u3")) == (None, "next")

    def test_forgetting_one_list_leaves_the_others(self, lists: PrecomputedLists) -> None:
        lists.replace([("u1", "one"), ("u2", "two")])
        lists.forget("u1")
        assert (lists.get("u1"), lists.get("u2")) == (None, "two")

    def test_closed_lists_say_so(self, lists: PrecomputedLists) -> None:
        lists.close()
        lists.close()
        with pytest.raises(StoreError, match="closed"):
            lists.get("u1")

    def test_readers_see_old_or_new_and_never_nothing(self, lists: PrecomputedLists, url: str) -> None:
        lists.replace([("u", "0")])
        seen: set[str | None] = set()
        done = threading.Event()

        def read() -> None:
            with closing(open_precomputed_lists(url)) as mine:
                while not done.is_set():
                    seen.add(mine.get("u"))

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(1, 15):
            lists.replace([("u", str(number)), *((f"v{other}", "x") for other in range(50))])
        done.set()
        reader.join()
        assert None not in seen


class TestSqlitePrecomputedLists(PrecomputedListsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/lists.db"

    @pytest.mark.parametrize("put", [True, False])
    def test_a_file_that_is_no_longer_there_answers_no_more(
        self, lists: PrecomputedLists, tmp_path: Path, put: bool
    ) -> None:
        """Its lists are of yesterday, and who is forgotten in it stays in the one that has its name."""
        lists.replace([("u1", "old")])
        (tmp_path / "lists.db").rename(tmp_path / "old.db")
        if put:
            open_precomputed_lists(f"sqlite:///{tmp_path}/lists.db").close()
        for call in (lists.get, lists.forget):
            with pytest.raises(StoreError, match="removed or replaced while it was open"):
                call("u1")

    def test_nobody_waits_long_for_another_call(self, lists: PrecomputedLists, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("recsys.store.sqlite.connection.BUSY_SECONDS", 0.2)
        begun, go = threading.Event(), threading.Event()

        def slow() -> Iterator[tuple[str, str]]:
            begun.set()
            go.wait(10)
            yield "u1", "new"

        replacing = threading.Thread(target=lists.replace, args=(slow(),))
        replacing.start()
        begun.wait()
        try:
            with pytest.raises(StoreError, match="try again in a moment"):
                lists.get("u1")
        finally:
            go.set()
            replacing.join()
        assert lists.get("u1") == "new"


@pytest.mark.skipif(REDIS is None, reason="needs redis-server (Debian: apt-get install redis-server)")
class TestRedisPrecomputedLists(PrecomputedListsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> Iterator[str]:
        pytest.importorskip("redis", reason="needs redis-py (install recsys[redis])")
        with redis_server(tmp_path) as server:
            yield server.url

    def test_a_redis_that_does_not_run_is_reported(self) -> None:
        with pytest.raises(StoreError, match="check that Redis runs there"):
            open_precomputed_lists(f"redis://127.0.0.1:{free_port()}/0")

    def test_a_parameter_that_only_the_store_reads(self, url: str) -> None:
        for open_ in (open_precomputed_lists, lambda url: SharedTail(url, "log")):
            with pytest.raises(ConfigError, match="no parameter 'durable'; leave it out"):
                open_(f"{url}?durable=no")


@pytest.mark.skipif(why_no_postgres() is not None, reason=why_no_postgres() or "")
class TestPostgresPrecomputedLists(PrecomputedListsContract):
    @pytest.fixture
    def url(self, postgres: PostgresServer) -> str:
        return postgres.database()


def test_a_place_where_no_lists_can_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="supported: sqlite:///FILE"):
        open_precomputed_lists("mysql://host/db")
    assert is_database_url("redis://host")
    assert not is_database_url("lists.parquet")
    assert not is_database_url("s3://bucket/lists.parquet")
    with pytest.raises(StoreError, match="can be written"):
        open_precomputed_lists(f"sqlite:///{tmp_path}/no/folder.db")
    open_store(f"sqlite:///{tmp_path}/store.db").close()
    with pytest.raises(StoreError, match="holds something else"):
        open_precomputed_lists(f"sqlite:///{tmp_path}/store.db")
