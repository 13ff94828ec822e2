"""A URL becomes a store, a place for precomputed lists, or a stream."""

from recsys.errors import ConfigError
from recsys.progress import Progress, silent
from recsys.store.address import POSTGRES, REDIS, address_of, sqlite_file
from recsys.store.kafka_stream import KafkaStream
from recsys.store.postgres.precomputed_lists import PostgresPrecomputedLists
from recsys.store.postgres.store import PostgresStore
from recsys.store.precomputed_lists import PrecomputedLists
from recsys.store.redis.precomputed_lists import RedisPrecomputedLists
from recsys.store.redis.store import RedisStore
from recsys.store.redis.stream import RedisStream
from recsys.store.sqlite.precomputed_lists import SqlitePrecomputedLists
from recsys.store.sqlite.store import SqliteStore
from recsys.store.store import Store
from recsys.store.stream import Stream


def open_store(url: str) -> Store:
    """Open the store that a URL names.

    `sqlite:///relative/file.db` or `sqlite:////absolute/file.db` for one machine, `postgresql://user@host/database` or
    `redis://host:port/db` for several.

    Raises:
        ConfigError: the URL is not one, its scheme is not known, or the library for it is not installed.
        StoreError: the store cannot be reached or written.
    """
    scheme, file = address_of(url).scheme, sqlite_file(url)
    if file is not None:
        return SqliteStore(file)
    if scheme in POSTGRES:
        return PostgresStore(url)
    if scheme in REDIS:
        return RedisStore(url)
    raise ConfigError(
        f"store {url!r}: unknown kind {scheme!r}; supported: sqlite:///FILE, postgresql://HOST/DATABASE, redis://HOST"
    )


def open_precomputed_lists(url: str) -> PrecomputedLists:
    """Open the place for lists that a URL names: `sqlite:///FILE`, `postgresql://HOST/DATABASE` or
    `redis://HOST:PORT/DB`.

    Raises:
        ConfigError: the URL is not one, its scheme is not known, or the library for it is not installed.
        StoreError: the place cannot be reached or written.
    """
    scheme, file = address_of(url).scheme, sqlite_file(url)
    if file is not None:
        return SqlitePrecomputedLists(file)
    if scheme in POSTGRES:
        return PostgresPrecomputedLists(url)
    if scheme in REDIS:
        return RedisPrecomputedLists(url)
    raise ConfigError(
        f"lists: {scheme or url!r} is an unknown kind; supported: "
        "sqlite:///FILE, postgresql://HOST/DATABASE, redis://HOST"
    )


def open_stream(url: str, progress: Progress = silent) -> Stream:
    """Open the stream that a URL names.

    `redis://host:port/db?stream=NAME` (Redis Streams) or `kafka://host:port[,host:port]/TOPIC`; both take `group=NAME`
    (default `recsys`): every group gets every message, the readers of one group share them. `progress` is called
    if messages are gone.

    Raises:
        ConfigError: the URL is not one, its scheme is not known, or the library for it is not installed.
        StoreError: the broker cannot be reached.
    """
    scheme = address_of(url).scheme
    if scheme in REDIS:
        return RedisStream(url, progress)
    if scheme == "kafka":
        return KafkaStream(url)
    raise ConfigError(
        f"stream: unknown kind {scheme!r}; supported: redis://HOST:PORT/DB?stream=NAME, kafka://HOST:PORT/TOPIC"
    )
