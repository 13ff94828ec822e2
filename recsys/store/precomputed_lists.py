"""Ranked lists that a batch made, for look-up by id: what every place for them promises, and how a URL becomes one."""

from collections.abc import Iterable
from typing import Protocol

from recsys.errors import ConfigError
from recsys.store.address import address_of, file_of

SCHEMES = ("sqlite", "postgresql", "postgres", "redis", "rediss")
"""Of URLs that `open_precomputed_lists` takes."""


class PrecomputedLists(Protocol):
    """One list for each id; all of them come from one batch.

    A list is a JSON object in text: `model_version`, `made_at` (ISO 8601) and `items`, each with `item_id`, `score`,
    `p_click`, `p_purchase`, `sources`. All methods raise `StoreError` when the place cannot be reached or refuses.
    """

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """Put these lists (id and content) in the place of all others; returns how many.

        A reader meanwhile, or after a crash, sees either the old lists or the new ones.
        """
        ...

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        ...

    def forget(self, id_: str) -> None:
        """Remove the list of an id."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def is_database_url(text: str) -> bool:
    """Whether this is a place for lists rather than a file."""
    return text.partition("://")[0] in SCHEMES


def open_precomputed_lists(url: str) -> PrecomputedLists:
    """Open the place that a URL names: `sqlite:///FILE`, `postgresql://HOST/DATABASE` or `redis://HOST:PORT/DB`.

    Raises:
        ConfigError: the URL is not one, its scheme is not known, or the library for it is not installed.
        StoreError: the place cannot be reached or written.
    """
    from recsys.store.postgres.precomputed_lists import PostgresPrecomputedLists
    from recsys.store.redis.precomputed_lists import RedisPrecomputedLists
    from recsys.store.sqlite.precomputed_lists import SqlitePrecomputedLists

    parts = address_of(url)
    if parts.scheme == "sqlite":
        return SqlitePrecomputedLists(file_of(url))
    if parts.scheme in ("postgresql", "postgres"):
        return PostgresPrecomputedLists(url)
    if parts.scheme in ("redis", "rediss"):
        return RedisPrecomputedLists(url)
    raise ConfigError(
        f"lists: {parts.scheme or url!r} is an unknown kind; supported: "
        "sqlite:///FILE, postgresql://HOST/DATABASE, redis://HOST"
    )
