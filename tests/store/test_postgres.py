"""The PostgreSQL store: the contract on a real server, and what is its own."""

import threading
import time
from collections.abc import Iterator

import pytest
from event_log_contract import EventLogContract, as_soon_as_it_answers, click
from item_store_contract import ItemStoreContract
from served_list_store_contract import DAY, ServedListStoreContract, served
from user_store_contract import UserStoreContract

from benchmarks.databases import PostgresServer, free_port, postgres_server, why_no_postgres
from recsys.cli.main import main
from recsys.data.users.forget import user_digest
from recsys.errors import StoreError
from recsys.store import AppendResult, open_store
from recsys.store.circuit_breaker import PAUSE_SECONDS
from recsys.store.postgres.connections import CONNECT_SECONDS, DOUBT_SECONDS, Connections
from recsys.store.postgres.schema import MIGRATIONS
from recsys.store.postgres.store import PostgresStore

psycopg = pytest.importorskip("psycopg", reason="needs psycopg (install recsys[postgres])")
pytestmark = pytest.mark.skipif(why_no_postgres() is not None, reason=why_no_postgres() or "")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.database()


class TestPostgres(EventLogContract, ItemStoreContract, ServedListStoreContract, UserStoreContract):
    @pytest.fixture
    def url(self, server: PostgresServer) -> str:
        return server.database()


def test_text_that_postgresql_cannot_hold_comes_back_as_it_was(url: str) -> None:
    store = open_store(url)
    odd = [click(1, user_id="\0"), click(2, user_id="\ufdd0"), click(3, user_id="\ufdd00\0\\"), click(4, user_id="\\0")]
    store.append(odd)
    assert [event for _, event in store.read()] == odd
    assert [store.events_of(event.user_id) for event in odd] == [[event] for event in odd]
    store.close()


def test_the_doctor_makes_no_tables(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--store", url, "--json"]) == 0
    assert "there are no tables in this database yet" in capsys.readouterr().out
    assert not PostgresStore.is_made(url)
    open_store(url).close()
    assert PostgresStore.is_made(url)
    assert main(["doctor", "--store", url, "--json"]) == 0
    assert "no events yet" in capsys.readouterr().out


def test_offsets_become_visible_in_their_order(url: str) -> None:
    """A writer that has drawn its offsets and not committed holds up the next one, not a reader."""
    store = open_store(url)
    with psycopg.connect(url) as slow:
        slow.execute("SELECT pg_advisory_xact_lock(491249529977)")
        slow.execute(
            "INSERT INTO recsys.events (event_id, user_id, item_id, event, timestamp) VALUES ('e', 'u', 'i', 'x', 1)"
        )
        writer = threading.Thread(target=store.append, args=([click(1)],))
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert store.read() == []
    writer.join()
    assert [event.event_id for _, event in store.read()] == ["e", "e1"]
    store.close()


def test_a_server_that_does_not_answer_is_hung_up_on(url: str) -> None:
    """Here it is asked to wait longer than the caller does."""
    connections = Connections(url)
    started = time.monotonic()
    with pytest.raises(StoreError, match="check that PostgreSQL runs"), connections.one(-0.5) as connection:
        connection.execute("SET statement_timeout = 0; SELECT pg_sleep(30)")
    assert time.monotonic() - started < 10
    with connections.one() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    connections.close()


def test_a_frozen_server_is_waited_for_a_few_seconds_and_stores_nothing_later() -> None:
    with postgres_server() as server:
        store = open_store(server.database())
        store.append([click(1)])
        with server.frozen():
            started = time.monotonic()
            with pytest.raises(StoreError, match="check that PostgreSQL runs"):
                store.append([click(number) for number in range(2, 200)])
            assert time.monotonic() - started < 2 * (DOUBT_SECONDS + CONNECT_SECONDS)
            started = time.monotonic()
            with pytest.raises(StoreError, match="does not answer; check that PostgreSQL runs"):
                store.last_offset()
            assert time.monotonic() - started < PAUSE_SECONDS, "nobody waits for it a second time"
        repeated = click(1, event_id="posted again without an id")
        assert as_soon_as_it_answers(lambda: store.append([repeated])).accepted == 1
        assert len(store.read()) == 2
        store.close()


def test_a_call_that_takes_long_is_not_hung_up_on(url: str) -> None:
    connections = Connections(url)
    with connections.one() as connection:
        slept = connection.execute("SELECT pg_sleep(%s)", (DOUBT_SECONDS + 0.5,)).fetchall()
    assert len(slept) == 1
    connections.close()


def test_connections_that_the_server_has_closed_are_not_used(url: str) -> None:
    """As behind a proxy that ends what is idle, and after any restart."""
    store = open_store(url)
    with store._connections.one(), store._connections.one():  # type: ignore[attr-defined]
        pass  # two are idle now
    with psycopg.connect(url, autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert ended == [(True,), (True,)]
    assert store.append([click(1)]).accepted == 1
    assert store.last_offset() == 1
    store.close()


def test_settings_of_the_database_change_nothing_that_a_call_relies_on(url: str) -> None:
    """Who waits for a turn sees what was done meanwhile, whatever isolation the database gives by default."""
    with psycopg.connect(url, autocommit=True) as other:
        database = other.info.dbname
        for setting in ("default_transaction_isolation = 'serializable'", "client_encoding = 'LATIN1'"):
            other.execute(f"ALTER DATABASE {database} SET {setting}".encode())
    store = open_store(url)
    store.append([click(1, user_id="日本")])
    assert store.count_of("日本") == 1
    with psycopg.connect(url, options=r"-c default_transaction_isolation=read\ committed") as forgetting:
        forgetting.execute("SELECT pg_advisory_xact_lock(491249529979)")
        forgetting.execute("INSERT INTO recsys.forgotten VALUES (2, %s)", (user_digest("u"),))
        keeper = threading.Thread(target=store.keep_lists, args=([served(1, user_id="u")], DAY))
        keeper.start()
        keeper.join(0.2)
        assert keeper.is_alive()
    keeper.join()
    assert store.lists_of("u") == []
    store.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_id_is_refused(server: PostgresServer, encoding: str) -> None:
    with pytest.raises(StoreError, match=f"is encoded in {encoding}"):
        open_store(server.database(encoding))


def test_a_database_that_can_only_be_read_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"ALTER DATABASE {other.info.dbname} SET default_transaction_read_only = on".encode())
    with pytest.raises(StoreError, match="can only be read"):
        open_store(url)


def test_a_later_server_needs_no_right_to_create(url: str) -> None:
    open_store(url).close()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE guest LOGIN")
        owner.execute("GRANT USAGE ON SCHEMA recsys TO guest")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA recsys TO guest")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA recsys TO guest")
    store = open_store(url.replace("tests@", "guest@"))
    assert store.append([click(1)]).accepted == 1
    store.close()


def test_a_database_of_each_earlier_version_is_brought_up(server: PostgresServer) -> None:
    for version in range(1, len(MIGRATIONS)):
        url = server.database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA recsys")
            connection.execute("CREATE TABLE recsys.schema_version (version integer NOT NULL)")
            for step in MIGRATIONS[:version]:
                for statement in step:
                    connection.execute(statement.encode())
            connection.execute("INSERT INTO recsys.schema_version VALUES (%s)", (version,))
            connection.execute(
                "INSERT INTO recsys.events (event_id, user_id, item_id, event, timestamp)"
                " VALUES ('e', 'u', 'i', 'x', 1)"
            )
        assert PostgresStore.would_upgrade(url)
        assert main(["doctor", "--store", url]) == 0
        assert PostgresStore.would_upgrade(url), "the doctor only looks"
        store = open_store(url)
        assert not PostgresStore.would_upgrade(url)
        assert store.count_of("u") == 1
        store.append([click(1)])
        store.close()


def test_a_step_that_fails_leaves_the_version_before(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url).close()
    broken = (*MIGRATIONS, ("ALTER TABLE recsys.log ADD COLUMN note text", "ALTER TABLE none ADD COLUMN note text"))
    monkeypatch.setattr("recsys.store.postgres.store.MIGRATIONS", broken)
    with pytest.raises(StoreError, match="does not exist"):
        open_store(url)
    monkeypatch.setattr("recsys.store.postgres.store.MIGRATIONS", (*MIGRATIONS, broken[-1][:1]))
    open_store(url).close()
    monkeypatch.undo()
    with pytest.raises(StoreError, match=f"schema version {len(MIGRATIONS) + 1}"):
        open_store(url)


def test_servers_that_start_together_make_the_tables_once(url: str) -> None:
    found: list[str] = []

    def start() -> None:
        store = open_store(url)
        found.append(store.identity)
        store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_server_that_is_killed_loses_nothing_acknowledged() -> None:
    with postgres_server() as server:
        store = open_store(server.database())
        store.append([click(number) for number in range(5)])
        server.kill()
        for _ in range(2):
            with pytest.raises(StoreError, match="check that PostgreSQL runs there"):
                store.append([click(5)])
        server.start()
        assert [event for _, event in store.read()] == [click(number) for number in range(5)]
        assert store.append([click(0), click(5)]) == AppendResult((False, True))
        server.kill()
        server.start()
        assert len(store.read()) == 6, "a connection from before is not asked"
        store.close()
        server.kill()
        server.start("-c", "fsync=off")
        with pytest.raises(StoreError, match="fsync = on"):
            open_store(server.database())


def test_a_postgres_that_does_not_run_is_reported() -> None:
    with pytest.raises(StoreError, match=r"store postgresql://127\.0\.0\.1/none: .*check that PostgreSQL runs there"):
        open_store(f"postgresql://somebody:secret@127.0.0.1:{free_port()}/none")
