"""Warnings about tables as a whole: misspelt columns, a log that is there twice, user tables of no use."""

import difflib
from collections.abc import Iterator, Sequence

import polars as pl

from recsys.data.events.events_table import EventRows
from recsys.data.log.interactions import InteractionLog
from recsys.data.tables.schema import Column
from recsys.data.tables.table import Table
from recsys.data.users.user_profiles import UserProfiles

_SIMILAR = 0.8
"""Smallest similarity of two names, from 0 to 1, at which one may be the other misspelt."""

_REPEATED = 0.1
"""If more than this share of the events are the same as another one, the log may be in the file twice."""


def misspelt_columns(table: Table, columns: Sequence[Column]) -> list[str]:
    """Optional columns that are missing, if an attribute has nearly their name."""
    known = {column.name for column in columns}
    strange = {name.lower(): name for name in table.dtypes if name not in known}
    there = table.dtypes.keys() - table.unseen
    missing = [column.name for column in columns if not column.required and column.name not in there]
    near = {name: difflib.get_close_matches(name, strange, n=1, cutoff=_SIMILAR) for name in missing}
    return [
        f"{table.name}: column {strange[found[0]]!r} is not known; if it is {name!r}, rename it"
        for name, found in near.items()
        if found
    ]


def repeated_events(rows: EventRows) -> Iterator[str]:
    """Many events without an event_id that are the same as another one: the log may be in the file twice."""
    frame = rows.frame.filter(pl.col("key").is_null()).drop("row", "key")
    n_same = len(frame) - frame.n_unique()
    if n_same > _REPEATED * len(frame):
        yield (
            f"{rows.rejections.name}: {n_same:,} of {len(frame):,} events are the same as another one in every column, "
            "and all count; if the log is in the file twice, remove one, or give each event an event_id"
        )


def user_table_warnings(profiles: UserProfiles | None, log: InteractionLog, name: str) -> Iterator[str]:
    """A user table from which nothing can be learned; `name` is that of its file."""
    if profiles is None:
        yield f"{name}: no two users have a value in common, so nothing can be learned from it"
    elif not profiles.knows(log.user_vocabulary).any():
        yield f"{name}: none of its users has an event; if the events write the ids in another way, write them alike"
