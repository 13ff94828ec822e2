"""The parts of a store's URL."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from recsys.errors import ConfigError


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


def file_of(url: str) -> Path:
    """The file of `sqlite:///relative/file.db` or `sqlite:////absolute/file.db`.

    Raises:
        ConfigError: it does not have this form, or holds characters with another meaning in a URL, which would silently
            be missing from the file's name.
    """
    parts = address_of(url)
    if parts.query or parts.fragment or any(letter in url for letter in "\t\r\n"):
        raise ConfigError(
            f"{url!r}: the URL of a SQLite file has no parameters; write ? and # in its name as %3F and %23, a tab and "
            "ends of lines as %09, %0A and %0D"
        )
    if parts.netloc or len(parts.path) < 2 or not parts.path.startswith("/"):
        raise ConfigError(f"{url!r}: write it as sqlite:///FILE, with three slashes before the file")
    return Path(unquote(parts.path[1:]))
