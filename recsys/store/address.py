"""The parts of a store's URL."""

from urllib.parse import SplitResult, urlsplit

from recsys.errors import ConfigError


def address_of(url: str) -> SplitResult:
    """Split `scheme://user:password@host:port/name`.

    Raises:
        ConfigError: it has no such form. The message holds nothing of it, for what stands where a port should may be
            the end of a password.
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
