"""The columns of `items`, `events` and `users`: names, kinds and which ones a file must have, in one place."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["id", "text", "tags", "number", "whole", "share", "time", "flag"]
"""What a cell holds: an id; free text; a list of strings; a finite number; a whole number from 0; a share in (0, 1];
a moment; true or false."""

DTYPES: dict[Kind, pl.DataType] = {
    "id": pl.String(),
    "text": pl.String(),
    "tags": pl.List(pl.String),
    "number": pl.Float64(),
    "whole": pl.Int16(),
    "share": pl.Float64(),
    "time": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}
"""The polars type of each kind once it is read."""


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells hold, and whether the file and every row must have it."""

    name: str
    kind: Kind
    required: bool = False


ITEMS = (
    Column("item_id", "id", required=True),
    Column("title", "text", required=True),
    Column("description", "text"),
    Column("category", "text"),
    Column("brand", "text"),
    Column("tags", "tags"),
    Column("price", "number"),
    Column("language", "text"),
    Column("created_at", "time"),
    Column("available", "flag"),
)

EVENTS = (
    Column("user_id", "id", required=True),
    Column("item_id", "id", required=True),
    Column("event", "id", required=True),
    Column("timestamp", "time", required=True),
    Column("event_id", "id"),
    Column("request_id", "id"),
    Column("position", "whole"),
    Column("propensity", "share"),
    Column("value", "number"),
)

USERS = (Column("user_id", "id", required=True),)

MAX_POSITION = 32_767
"""Positions are kept in 16 bits."""

MAX_EVENT_NAMES = 127
"""Numbers of event names are kept in 8 bits."""
