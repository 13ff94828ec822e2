"""A store's URL becomes a store."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from recsys.errors import ConfigError
from recsys.store.address import address_of, file_of
from recsys.store.postgres.store import PostgresStore
from recsys.store.redis.store import RedisStore
from recsys.store.sqlite.store import SqliteStore
from recsys.store.store import Store


def open_store(url: str) -> Store:
    """Open the store that a URL names.

    `sqlite:///relative/file.db` or `sqlite:////absolute/file.db` for one machine, `postgresql://user@host/database` or
    `redis://host:port/db` for several.

    Raises:
        ConfigError: the URL is not one, or its scheme is not known.
        StoreError: the store cannot be reached or written.
    """
    parts = address_of(url)
    if parts.scheme in ("redis", "rediss"):
        return RedisStore(url)
    if parts.scheme in ("postgresql", "postgres"):
        return PostgresStore(url)
    if parts.scheme != "sqlite":
        raise ConfigError(
            f"store {url!r}: unknown kind {parts.scheme!r}; supported: sqlite:///FILE, "
            "postgresql://HOST/DATABASE, redis://HOST"
        )
    return SqliteStore(file_of(url))


def sqlite_file(url: str) -> Path | None:
    """The file of a `sqlite:///` URL; None for other kinds.

    Raises:
        ConfigError: it names no file.
    """
    return file_of(url) if address_of(url).scheme == "sqlite" else None


def stores_of(urls: Sequence[str], default: str) -> tuple[str, str]:
    """The store's own URL, and that of a Redis beside it through which servers share live events (empty: none).

    Raises:
        ConfigError: more than one is a store.
    """
    stores = [url for url in urls if address_of(url).scheme not in ("redis", "rediss")]
    shared = [url for url in urls if url not in stores]
    if len(stores) > 1 or len(shared) > 1:
        raise ConfigError("several stores: give one, and beside it one redis:// for what several servers share")
    if not stores:
        return (shared or [default])[0], ""
    return stores[0], "".join(shared)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{quote(str(path.absolute()))}"
