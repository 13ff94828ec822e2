"""The event table to an `InteractionLog`: one lazy pass over the file, which keeps only numbers in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.config import EventsConfig
from recsys.data.ids.vocabulary import UNKNOWN, Vocabulary
from recsys.data.log.interactions import InteractionLog, request_keys
from recsys.data.tables.rejections import REJECTED_DTYPES, Rejections
from recsys.data.tables.schema import EVENTS, MAX_EVENT_NAMES
from recsys.data.tables.table import FAULT, ROW, Table, collect
from recsys.data.tables.validation import check_cells, parsed
from recsys.errors import DataError

UNKNOWN_ITEM = "item_id is not in the items table; add the item, or set data.unknown_items to 'add'"


@dataclass(frozen=True)
class EventRows:
    """The good rows of an event table as compact columns, in the order of the file.

    Attributes:
        frame: `row`, `user`, `item`, `event`, `request` (categorical), `time` (microseconds), `value`, `position`,
            `propensity`, `key` (hash of the event_id).
        rejections: the bad rows.
    """

    frame: pl.DataFrame
    rejections: Rejections


def read_events(table: Table) -> EventRows:
    """Read an event table; an event_id may stand in it more than once.

    Raises:
        DataError: a required column is missing, or the table has no rows.
    """
    checked = check_cells(table, EVENTS)
    # Own categories are freed with the frame; only distinct ids are held in memory, not every string.
    frame = collect(
        table,
        checked.frame.select(
            pl.col(ROW).cast(pl.Int64).alias("row"),
            FAULT,
            *[_category(table, column, name) for column, name in _IDS.items()],
            pl.col(parsed("timestamp")).alias("time"),
            *[_value(table, name, dtype) for name, dtype in _NUMBERS.items()],
            _key(table),
        ),
    )
    n_rows = frame.height
    if n_rows == 0:
        raise DataError(f"{table.name} has no events: it has a header and no rows; add events to learn from")
    bad = frame[FAULT] > 0
    rejected = checked.rejected() if bad.any() else pl.DataFrame(schema=REJECTED_DTYPES)
    frame = frame.filter(~bad).drop(FAULT).sort("row")
    return EventRows(frame, Rejections(table.name, table.first_line, n_rows, rejected.sort("row", maintain_order=True)))


def with_whole_ids(rows: EventRows, items: Vocabulary) -> EventRows:
    """The events, with item 7 in place of 7.0 where a text file says 7.0 and the catalogue has only 7.

    Many programs write whole numbers in this way as soon as one cell of the column is empty.
    """
    distinct = rows.frame["item"].unique().cast(pl.String)
    renamed = {id_: id_[:-2] for id_ in distinct if id_.endswith(".0") and id_ not in items and id_[:-2] in items}
    if not renamed:
        return rows
    item = pl.col("item").cast(pl.String).replace(renamed).cast(rows.frame.schema["item"])
    return replace(rows, frame=rows.frame.with_columns(item))


def unknown_items(rows: EventRows, items: Vocabulary) -> list[str]:
    """Ids of the log that the catalogue lacks, in the order of the file."""
    ids = rows.frame["item"].unique(maintain_order=True).cast(pl.String).to_list()
    return [id_ for id_ in ids if id_ not in items]


def reject_unknown(rows: EventRows, items: Vocabulary) -> EventRows:
    """Set aside the events of items that the catalogue lacks."""
    known = codes(rows.frame["item"], items) != UNKNOWN
    if known.all():
        return rows
    unknown = rows.frame.filter(~known).select("row", pl.col("item").cast(pl.String))
    aside = unknown.join(_nearly_known(unknown["item"], items), on="item", how="left").select(
        "row",
        pl.lit("item_id").alias("column"),
        pl.col("item").alias("value"),
        pl.col("reason").fill_null(UNKNOWN_ITEM),
    )
    old = rows.rejections
    rejections = Rejections(
        old.name, old.first_line, old.n_rows, pl.concat([old.rows, aside]).sort("row", maintain_order=True)
    )
    return EventRows(rows.frame.filter(known), rejections)


def _nearly_known(unknown: pl.Series, items: Vocabulary) -> pl.DataFrame:
    """`item` and `reason` of unknown ids that would be known but for white space around them, for their case, for the
    form of their accents, or for zeros before a number, which are lost where a program takes ids for numbers."""

    def plain(name: str) -> pl.Expr:
        return plain_id(pl.col(name)).str.replace(r"^0+(\d)", "$1").alias("plain")

    known = pl.DataFrame({"known": list(items)}, schema={"known": pl.String})
    known = known.with_columns(plain("known")).unique("plain", keep="first")
    nearly = unknown.unique().to_frame("item").with_columns(plain("item")).join(known, on="plain")
    quoted = (pl.concat_str(pl.lit("'"), pl.col(name), pl.lit("'")) for name in ("item", "known"))
    reason = pl.format("item_id {} is not in the items table, which has {}; write both alike", *quoted)
    alike = pl.col("item").str.normalize("NFC") == pl.col("known").str.normalize("NFC")
    unseen = pl.format("{}, with accents in one Unicode form (NFC): they only look alike", reason)
    return nearly.select("item", pl.when(alike).then(unseen).otherwise(reason).alias("reason"))


def plain_id(id_: pl.Expr) -> pl.Expr:
    """An id without what people overlook: white space around it, its case, and the Unicode form of its accents."""
    return id_.str.strip_chars().str.normalize("NFC").str.to_lowercase()


def distinct_events(rows: EventRows) -> tuple[EventRows, int]:
    """The good rows without repetitions, and how many repetitions there were: of rows with the same event_id the first
    stays."""
    repeated = rows.frame["key"].is_not_null() & ~rows.frame["key"].is_first_distinct()
    return replace(rows, frame=rows.frame.filter(~repeated)), int(repeated.sum())


def build_log(rows: EventRows, items: Vocabulary, config: EventsConfig) -> InteractionLog:
    """Rows to a log in time order; equal times keep the order of the file.

    Args:
        rows: every item must be in `items`.
        items: the catalogue's ids.
        config: how much each event weighs.

    Raises:
        DataError: more distinct event names than numbers for them.
    """
    frame = rows.frame.sort("time", maintain_order=True)
    event_names = extended_names((), _in_order(frame["event"]), rows.rejections.name)
    user_vocabulary = Vocabulary(_in_order(frame["user"]))
    events = codes(frame["event"], event_names).astype(np.int8)
    values = frame["value"].fill_null(np.nan).to_numpy().astype(np.float32)
    requests = _in_order(frame["request"])
    return InteractionLog(
        user_vocabulary,
        tuple(event_names),
        len(items),
        users=codes(frame["user"], user_vocabulary),
        items=codes(frame["item"], items),
        events=events,
        times=frame["time"].to_numpy(),
        weights=event_weights(list(event_names), events, values, config),
        values=values,
        requests=codes(frame["request"], Vocabulary(requests)),
        positions=frame["position"].fill_null(-1).to_numpy().astype(np.int16),
        propensities=frame["propensity"].fill_null(np.nan).to_numpy().astype(np.float32),
        request_keys=request_keys(requests),
    )


def extended_names(names: tuple[str, ...], found: Iterable[str], place: str) -> Vocabulary:
    """Numbers of event names, the new ones behind those known.

    Raises:
        DataError: more distinct names than numbers for them.
    """
    event_names = Vocabulary(names).extended(found)
    if len(event_names) > MAX_EVENT_NAMES:
        some = ", ".join(event_names.ids(range(5)))
        raise DataError(
            f"{place}: column 'event' has {len(event_names)} distinct names ({some}, ...), at most "
            f"{MAX_EVENT_NAMES} are possible; is it the right column?"
        )
    return event_names


def event_weights(
    names: list[str], events: NDArray[np.int8], values: NDArray[np.float32], config: EventsConfig
) -> NDArray[np.float32]:
    """(n_events,) weight of each event: that of its name, 0 where its value is below the least that counts."""
    table = np.array([config.weights.get(name, config.default_weight) for name in names], dtype=np.float32)
    least = np.array([config.min_value.get(name, -np.inf) for name in names], dtype=np.float32)
    if len(events) == 0:
        return np.zeros(0, dtype=np.float32)
    weights: NDArray[np.float32] = np.where(values < least[events], np.float32(0), table[events])
    return weights


def codes(column: pl.Series, vocabulary: Vocabulary) -> NDArray[np.int32]:
    """(n,) the numbers of a categorical column's ids; -1 where null or not in the vocabulary."""
    physical = column.to_physical()
    distinct = column.drop_nulls().unique()
    if len(distinct) == 0:
        return np.full(len(column), UNKNOWN, dtype=np.int32)
    numbers = np.full(int(distinct.to_physical().max()) + 2, UNKNOWN, dtype=np.int32)  # type: ignore[arg-type]
    numbers[distinct.to_physical().to_numpy()] = vocabulary.numbers(distinct.cast(pl.String).to_list())
    # The last place answers for null.
    chosen: NDArray[np.int32] = numbers[physical.cast(pl.Int64).fill_null(-1).to_numpy()]
    return chosen


_IDS = {"user_id": "user", "item_id": "item", "event": "event", "request_id": "request"}
_NUMBERS = {"value": pl.Float32(), "position": pl.Int16(), "propensity": pl.Float32()}


def _in_order(column: pl.Series) -> list[str]:
    ids: list[str] = column.drop_nulls().unique(maintain_order=True).cast(pl.String).to_list()
    return ids


def _category(table: Table, column: str, name: str) -> pl.Expr:
    value = pl.col(parsed(column)) if column in table.dtypes else pl.lit(None, pl.String)
    return value.cast(pl.Categorical(pl.Categories.random())).alias(name)


def _value(table: Table, name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(parsed(name)) if name in table.dtypes else pl.lit(None, pl.Float64)
    return value.cast(dtype, strict=False).alias(name)


def _key(table: Table) -> pl.Expr:
    if "event_id" not in table.dtypes:
        return pl.lit(None, pl.UInt64).alias("key")
    value = pl.col(parsed("event_id"))
    return pl.when(value.is_not_null()).then(value.hash()).alias("key")
