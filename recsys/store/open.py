"""A store's URL becomes a store."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from recsys.errors import ConfigError
from recsys.store.postgres import PostgresStore
from recsys.store.redis import RedisStore
from recsys.store.sqlite import SqliteStore
from recsys.store.store import Store


def open_store(url: str) -> Store:
    """Open the store that a URL names.

    `sqlite:///relative/file.db` or `sqlite:////absolute/file.db` for one machine, `postgresql://user@host/database` or
    `redis://host:port/db` for several.

    Raises:
        ConfigError: the URL is not one, or its scheme is not known.
        StoreError: the store cannot be reached or written.
    """
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss"):
        return RedisStore(url)
    if parts.scheme in ("postgresql", "postgres"):
        return PostgresStore(url)
    if parts.scheme != "sqlite":
        raise ConfigError(
            f"store {url!r}: unknown kind {parts.scheme!r}; what works is sqlite:///FILE, "
            "postgresql://HOST/DATABASE or redis://HOST"
        )
    if parts.netloc or len(parts.path) < 2:
        raise ConfigError(f"store {url!r}: write it as sqlite:///FILE, with three slashes before the file")
    return SqliteStore(Path(unquote(parts.path[1:])))


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{quote(str(path.absolute()))}"
