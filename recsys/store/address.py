"""URLs of stores: their parts, and what they name."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from recsys.errors import ConfigError

POSTGRES = ("postgresql", "postgres")
REDIS = ("redis", "rediss")
"""Schemes of the URLs of these databases."""


def address_of(url: str) -> SplitResult:
    """Split `scheme://user:password@host:port/name`.

    Raises:
        ConfigError: it does not have this form. The message does not repeat it, because what stands in place of a port
            may be the end of a password.
    """
    try:
        parts = urlsplit(url)
        if "," not in parts.netloc:  # brokers of Kafka are several hosts, each with its port
            _ = parts.port
    except ValueError:
        raise ConfigError(
            "the URL of a store or stream cannot be read: write scheme://HOST:PORT/NAME, the port a number, and "
            "characters such as / and @ in a password as %2F and %40"
        ) from None
    return parts


def redis_address(url: str) -> SplitResult:
    """Split `redis://[[user]:password@]host[:port]/db`.

    Raises:
        ConfigError: see `address_of`; also a database that is no number, for which redis-py would take database 0.
    """
    parts = address_of(url)
    database = parts.path.strip("/")
    if database and not (database.isascii() and database.isdecimal()):
        raise ConfigError(  # without the text: it may be the end of a password
            "what stands after the host of a redis:// URL is the number of a database, such as redis://HOST:PORT/0; "
            "write characters such as / and @ in a password as %2F and %40"
        )
    return parts


def sqlite_file(url: str) -> Path | None:
    """The file of `sqlite:///relative/file.db` or `sqlite:////absolute/file.db`; None for other kinds.

    Raises:
        ConfigError: it does not have this form, or holds characters with another meaning in a URL, which would silently
            be missing from the file's name.
    """
    parts = address_of(url)
    if parts.scheme != "sqlite":
        return None
    if parts.query or parts.fragment or any(letter in url for letter in "\t\r\n"):
        raise ConfigError(
            f"{url!r}: the URL of a SQLite file has no parameters; write ? and # in its name as %3F and %23, a tab and "
            "ends of lines as %09, %0A and %0D"
        )
    if parts.netloc or len(parts.path) < 2 or not parts.path.startswith("/"):
        raise ConfigError(f"{url!r}: write it as sqlite:///FILE, with three slashes before the file")
    return Path(unquote(parts.path[1:]))


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{quote(str(path.absolute()))}"


def is_database_url(text: str) -> bool:
    """Whether this names a database, and not a file of lists or an object store."""
    return text.partition("://")[0] in ("sqlite", *POSTGRES, *REDIS)


def stores_of(urls: Sequence[str], default: str) -> tuple[str, str]:
    """The store's own URL, and that of a Redis beside it through which servers share live events (empty: none).

    Raises:
        ConfigError: more than one is a store.
    """
    stores = [url for url in urls if address_of(url).scheme not in REDIS]
    shared = [url for url in urls if url not in stores]
    if len(stores) > 1 or len(shared) > 1:
        raise ConfigError("several stores: give one, and beside it one redis:// for what several servers share")
    if not stores:
        return (shared or [default])[0], ""
    return stores[0], "".join(shared)
