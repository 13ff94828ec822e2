"""The columns of `items`, `events` and `users`: names, kinds and which ones a file must have, in one place."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from recsys.moments import DAY, SECOND

MAX_ID, MAX_NAME = 256, 64
"""Characters of an id, and of a name, that is sent to a server or a stream."""

EXACT = 2**53
"""Below this, numbers with a point hold whole numbers exactly; above it, different ids would become one."""

TOO_LONG = "a number of more digits than are kept; write the id as text"
"""What is wrong with such an id."""

NO_ID = "an array, an object or a truth value, not an id; write the id as text"
"""What is wrong with a value of JSON that stands where an id belongs."""

CLOCK_SKEW = 300 * SECOND
"""How far in the future an event may lie that is sent, to a server or by a stream, because clocks differ. Its sender
gets an error."""

ZONE_SKEW = DAY
"""How far in the future an event may lie that is read, from a file or a store. It is further, because times without a
zone are taken for UTC, and clocks in the east are up to 14 hours ahead of that."""

Kind = Literal["id", "text", "tags", "number", "whole", "share", "time", "past", "flag"]
"""What a cell holds: an id; free text; a list of strings; a finite number; a whole number from 0; a share in (0, 1];
a moment; a moment since 1970 that is not in the future; true or false. Numbers and shares are such as 32 bits hold."""

DTYPES: dict[Kind, pl.DataType] = {
    "id": pl.String(),
    "text": pl.String(),
    "tags": pl.List(pl.String),
    "number": pl.Float64(),
    "whole": pl.Int16(),
    "share": pl.Float64(),
    "time": pl.Datetime("us", "UTC"),
    "past": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}
"""The polars type of each kind once it is read."""


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells hold, whether the file and every row must have it, and what to do where it
    is missing, if the name does not say that."""

    name: str
    kind: Kind
    required: bool = False
    hint: str = ""


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
    Column("available_until", "time"),
)

EVENTS = (
    Column("user_id", "id", required=True),
    Column("item_id", "id", required=True),
    Column("event", "id", required=True, hint="if all rows are of one kind, name it in each, such as purchase"),
    Column("timestamp", "past", required=True),
    Column("event_id", "id"),
    Column("request_id", "id"),
    Column("position", "whole"),
    Column("propensity", "share"),
    Column("value", "number"),
)

USERS = (Column("user_id", "id", required=True),)

REQUESTS = (
    Column("request_id", "id", required=True),
    Column("user_id", "id"),
    Column("timestamp", "time"),
    Column("n", "whole"),
)
"""Of a requests file; `recsys.data.requests.request_file` reads `history`, `candidates`, `context` and `target`."""

MAX_POSITION = 32_767
"""Positions are kept in 16 bits."""

MAX_NUMBER = 3.4e38
"""The largest value of an event, or price: features are computed in 32 bits."""

MIN_SHARE = 1.2e-38
"""The smallest propensity, in 32 bits too."""

MAX_EVENT_NAMES = 127
"""Numbers of event names are kept in 8 bits."""
