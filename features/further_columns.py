"""Further columns of items, beyond those with a meaning of their own: an author, a series, a size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from features.credibility import credible_rates
from recsys.data.groups.membership import is_code, members_of, names_values
from recsys.data.groups.references import are_references, named_rows
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_past import ItemPast
from recsys.data.tables.parsing import times_of
from recsys.data.tables.schema import ITEMS

_KNOWN = frozenset(column.name for column in ITEMS)

_LABELS = ("category", "brand")
"""Columns with a meaning of their own that may name lines all the same."""

_LEAST_IN_LINES = 0.1
"""Share of the items that must be in a line with others."""

_LEAST_DISTINCT = 0.9
"""Share of the items in lines whose number no other item of their line has."""

_MOST_NUMBERS = 0.5
"""Different numbers, as a share of the items in lines."""

_LEAST_STEPS = 0.5
"""Share of the steps from one number of a line to the next that must be 1."""

_LEAST_ALIKE = 0.5
"""Share of the parts of lines that must begin with the same number."""

_DATE = r"^\d{4}-\d\d-\d\d"
"""How texts of a column of dates begin; plain numbers may be anything."""


def label_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Further columns whose values name what items are: text, truth values, whole numbers (ids, sizes)."""
    return tuple(name for name in _unknown(frame) if _is_label(frame[name]))


def quantity_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Further columns whose numbers measure items."""
    return tuple(name for name in _unknown(frame) if frame[name].dtype.is_numeric() and not is_code(name))


def reference_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Further columns that name other items by their ids."""
    return tuple(name for name in _unknown(frame) if _is_label(frame[name]) and _are_references(frame, name))


def alike_in(frame: pl.DataFrame, columns: Sequence[str]) -> sp.csr_matrix:
    """(n_items, n_groups) 1 in the group of the items that have the same values in all these columns, where no value is
    one too."""
    groups = frame.select(pl.struct(columns).rank("dense")).to_series().to_numpy() - 1
    n = len(groups)
    return sp.csr_matrix((np.ones(n, dtype=np.float32), groups, np.arange(n + 1)))


class LineColumns(NamedTuple):
    """The columns that make lines of items."""

    label: str
    """names the line"""
    number: str
    """counts through it, or through each of its parts"""
    part: str | None = None
    """counts through the parts, where a line has parts"""


def line_columns(frame: pl.DataFrame) -> tuple[LineColumns, ...]:
    """Columns that name lines of items, each with the column that counts through them: series and volume, show and
    episode; or show, episode and season, if episodes are counted anew in each season.

    A number counts through lines if hardly two items of a line share it, most follow one another in steps of 1 (unlike
    prices, sizes or years), and it starts anew in each line (unlike a running number of all items).
    """
    labels = [name for name in (*_unknown(frame), *_LABELS) if name in frame.columns and _is_single_name(frame[name])]
    numbers = quantity_columns(frame)
    whole = [LineColumns(*pair) for pair in product(labels, numbers) if _counts_through(frame, *pair)]
    counted = {(label, number) for label, number, _ in whole}
    by_size = sorted(numbers, key=lambda name: frame[name].n_unique())  # there are fewer seasons than episodes
    parted: dict[tuple[str, str], LineColumns] = {}
    for label, pair in product(labels, combinations(by_size, 2)):
        if counted.isdisjoint((label, number) for number in pair):
            columns = _line_of_parts(frame, label, *pair)
            if columns is not None:
                parted.setdefault(columns[:2], columns)
    return (*whole, *parted.values())


@dataclass(frozen=True)
class Lines:
    """Which line each item is in, and where.

    Attributes:
        lines: (n_items,) number of its line, -1 without one.
        places: (n_items,) its place there, from 0; items of the same number share theirs.
    """

    lines: NDArray[np.int32]
    places: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.lines.max(initial=-1)) + 1


class FurtherColumns:
    """The columns of a catalogue as features read them; each is prepared when it is first needed."""

    def __init__(self, catalogue: ItemCatalogue, past: ItemPast | None = None) -> None:
        """`past` says how much each item was wanted; None where that is not known."""
        self._frame, self._past = catalogue.frame, past
        self._created, self._gone = catalogue.created, catalogue.gone
        self._labels: dict[tuple[str, int | None], sp.csr_matrix | None] = {}
        self._alike: dict[tuple[str, ...], sp.csr_matrix | None] = {}
        self._named: dict[str, sp.csr_matrix | None] = {}
        self._places: dict[str, NDArray[np.float32] | None] = {}
        self._moments: dict[str, NDArray[np.float64] | None] = {}
        self._lines: dict[LineColumns, Lines | None] = {}
        self._successors: dict[LineColumns, NDArray[np.float64] | None] = {}
        self._popularities: dict[str, NDArray[np.float32] | None] = {}

    def read_as(self, earlier: "FurtherColumns") -> None:
        """Prepare now what an earlier catalogue had prepared, so that no request has to wait for it."""
        for labels in tuple(earlier._labels):
            self.labels(*labels)
        for names in tuple(earlier._alike):
            self.alike(names)
        for column in tuple(earlier._named):
            self.named(column)
        for column in tuple(earlier._places):
            self.places(column)
        for column in tuple(earlier._moments):
            self.moments(column)
        for columns in tuple(earlier._lines):
            self.lines(*columns)
        for columns in tuple(earlier._successors):
            self.successors(*columns)
        for column in tuple(earlier._popularities):
            self.popularities(column)

    def labels(self, column: str, level: int | None = None) -> sp.csr_matrix | None:
        """See `members_of`: (n_items, n_values) 1 where an item has the value; None where no item has one."""
        if (column, level) not in self._labels:
            has_labels = column in self._frame.columns and _is_label(self._frame[column])
            self._labels[column, level] = (
                members_of(self._frame[column], self._frame["item_id"], level) if has_labels else None
            )
        return self._labels[column, level]

    def alike(self, columns: tuple[str, ...]) -> sp.csr_matrix | None:
        """(n_items, n_groups) 1 in the group of the items that have the same values in all these columns; None where a
        column is missing."""
        if columns not in self._alike:
            has_all = all(name in self._frame.columns for name in columns)
            self._alike[columns] = alike_in(self._frame, columns) if has_all else None
        return self._alike[columns]

    def named(self, column: str) -> sp.csr_matrix | None:
        """(n_items, n_items) 1 where an item (row) names another one; None where none does."""
        if column not in self._named:
            has_names = column in self._frame.columns and _is_label(self._frame[column])
            self._named[column] = _named(self._frame, column) if has_names else None
        return self._named[column]

    def places(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) the place of each number in the order of all, from 0 to 1, NaN where it is missing; None where all
        are."""
        if column not in self._places:
            has_numbers = column in self._frame.columns and self._frame[column].dtype.is_numeric()
            self._places[column] = _places(self._frame[column]) if has_numbers else None
        return self._places[column]

    def moments(self, column: str) -> NDArray[np.float64] | None:
        """(n_items,) microseconds of the date that each item has in a column, NaN where it is missing; None where it is
        no column of dates."""
        if column not in self._moments:
            self._moments[column] = _moments(self._frame[column]) if column in self._frame.columns else None
        return self._moments[column]

    def popularities(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) how many times as often as a typical item those with the same value are wanted while they are
        there; for a list of values the mean, NaN without a value. None where that is not known for any item."""
        if column not in self._popularities:
            members, past = self.labels(column), self._past
            if members is None or past is None or not past.weights.any():
                self._popularities[column] = None
            else:
                there = past.share_there(self._created, self._gone)
                self._popularities[column] = _popularities(members, past.weights, there)
        return self._popularities[column]

    def lines(self, column: str, number: str, part: str | None = None) -> Lines | None:
        """The line of the items with each value of `column`, in the order of `number`; with `part`, first in the order
        of that. None where there are no lines."""
        columns = LineColumns(column, number, part)
        if columns not in self._lines:
            frame, numbers = self._frame, [name for name in (part, number) if name is not None]
            has_all = all(name in frame.columns for name in (column, *numbers))
            has_lines = has_all and _is_single_name(frame[column]) and all(frame[n].dtype.is_numeric() for n in numbers)
            self._lines[columns] = _lines(frame[column], [frame[name] for name in numbers]) if has_lines else None
        return self._lines[columns]

    def successors(self, column: str, number: str, part: str | None = None) -> NDArray[np.float64] | None:
        """(n_items,) microseconds when the first of the items that follow each item in its line was created, NaN where
        none was; None where there are no lines."""
        columns = LineColumns(column, number, part)
        if columns not in self._successors:
            lines = self.lines(*columns)
            self._successors[columns] = None if lines is None else _successors(lines, self._created)
        return self._successors[columns]


def _unknown(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name not in _KNOWN]


def _is_label(values: pl.Series) -> bool:
    return values.dtype.is_integer() or names_values(values)


def _names(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """A row for each value that an item has in a column: the item's `row`, and the `value`."""
    names = pl.DataFrame({"row": pl.int_range(len(frame), eager=True), "value": frame[column]})
    if frame[column].dtype.is_nested():
        names = names.explode("value", empty_as_null=False)
    return names.with_columns(pl.col("value").cast(pl.String)).drop_nulls().unique(maintain_order=True)


def _are_references(frame: pl.DataFrame, column: str) -> bool:
    return are_references(_names(frame, column)["value"].unique(), frame["item_id"])


def _named(frame: pl.DataFrame, column: str) -> sp.csr_matrix | None:
    names = _names(frame, column)
    found = names.join(named_rows(names["value"].unique(), frame["item_id"]), on="value", suffix="_named")
    if found.is_empty():
        return None
    places = found["row"].to_numpy(), found["row_named"].to_numpy()
    return sp.csr_matrix((np.ones(len(found), dtype=np.float32), places), shape=(len(frame), len(frame)))


def _popularities(
    members: sp.csr_matrix, weights: NDArray[np.float64], share_there: NDArray[np.float64]
) -> NDArray[np.float32]:
    counts = np.diff(members.indptr)
    totals = members @ credible_rates(members, weights, share_there)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan).astype(np.float32)


def _places(values: pl.Series) -> NDArray[np.float32] | None:
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = len(numbers) - numbers.null_count()
    if not known:
        return None
    places = (numbers.rank("average") - 0.5) / known  # equal ones share theirs
    return places.cast(pl.Float32).fill_null(np.nan).to_numpy()


def _moments(values: pl.Series) -> NDArray[np.float64] | None:
    if values.dtype == pl.String:
        if not values.drop_nulls().str.contains(_DATE).all():
            return None
        moments = times_of(values)
    elif values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        moments = values.cast(pl.Datetime("us")).dt.epoch("us")
    else:
        return None
    known = moments.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return None if np.isnan(known).all() else known


def _is_single_name(values: pl.Series) -> bool:
    return names_values(values) and not values.dtype.is_nested() and values.dtype != pl.Boolean


def _in_lines(label: pl.Series, numbers: Sequence[pl.Series]) -> pl.DataFrame:
    """`row`, `line` and `number` (a struct of all numbers) of each item that has a label and all numbers."""
    known = [number.cast(pl.Float64).fill_nan(None).alias(str(place)) for place, number in enumerate(numbers)]
    frame = pl.DataFrame([label.cast(pl.String).alias("line"), *known]).with_row_index("row").drop_nulls()
    return frame.select("row", "line", number=pl.struct(number.name for number in known))


def _counts_through(frame: pl.DataFrame, label: str, number: str) -> bool:
    """Whether a column numbers the items within each value of another column."""
    found = _in_lines(frame[label], [frame[number]]).unnest("number")
    return _are_counted(found.rename({"0": "number"}), len(frame))


def _line_of_parts(frame: pl.DataFrame, label: str, one: str, other: str) -> LineColumns | None:
    """Which of two columns numbers the parts of a line, and which numbers the items within each part, beginning with
    the same number in most parts; `one` numbers the parts if both orders fit. None where neither does."""
    orders = LineColumns(label, other, one), LineColumns(label, one, other)
    alike = [_parts_that_begin_alike(frame, columns) for columns in orders]
    return orders[int(np.argmax(alike))] if max(alike) >= _LEAST_ALIKE else None


def _parts_that_begin_alike(frame: pl.DataFrame, columns: LineColumns) -> float:
    """Share of the parts of lines that begin with the most common first number; 0 where these are no parts: they are
    not numbered themselves, or the items within them are not."""
    label, number, part = columns
    found = _in_lines(frame[label], [frame[str(part)], frame[number]]).unnest("number")
    parts = found.group_by("line", "0").agg(pl.col("1").min())
    if len(parts) == parts["line"].n_unique() or _steps(parts, "0") < _LEAST_STEPS:
        return 0.0
    if not _are_counted(found.select(line=pl.struct("line", "0"), number="1"), len(frame)):
        return 0.0
    return float(parts["1"].value_counts()["count"].max()) / len(parts)  # type: ignore[arg-type]


def _are_counted(found: pl.DataFrame, n_items: int) -> bool:
    """Whether enough of the items are in lines with others, and `number` counts through these lines."""
    found = found.filter(pl.len().over("line") > 1)
    if len(found) < _LEAST_IN_LINES * n_items:
        return False
    return (
        len(found.unique(["line", "number"])) >= _LEAST_DISTINCT * len(found)
        and found["number"].n_unique() <= _MOST_NUMBERS * len(found)
        and _steps(found, "number") >= _LEAST_STEPS
    )


def _steps(found: pl.DataFrame, number: str) -> float:
    """Share of the steps from one number of a line to the next that are 1; 0 where there are none."""
    distinct = found.unique(["line", number]).sort("line", number)
    steps = distinct.select(pl.col(number).diff().over("line"))[number].drop_nulls()
    return float((steps == 1).sum()) / max(len(steps), 1)


def _lines(label: pl.Series, numbers: Sequence[pl.Series]) -> Lines | None:
    found = _in_lines(label, numbers)
    if found.is_empty():
        return None
    found = found.with_columns(
        pl.col("line").rank("dense").cast(pl.Int32) - 1,
        place=pl.col("number").rank("dense").over("line").cast(pl.Int32) - 1,
    )
    lines, places = np.full(len(label), -1, dtype=np.int32), np.zeros(len(label), dtype=np.int32)
    rows = found["row"].to_numpy()
    lines[rows], places[rows] = found["line"].to_numpy(), found["place"].to_numpy()
    return Lines(lines, places)


def _successors(lines: Lines, created: NDArray[np.float64]) -> NDArray[np.float64]:
    behind = pl.DataFrame({"line": lines.lines, "place": lines.places, "created": created}).fill_nan(None)
    first = (
        behind.filter(pl.col("line") >= 0)
        .group_by("line", "place")
        .agg(pl.col("created").min())
        .sort("line", "place", descending=True)
        .with_columns(created=pl.col("created").cum_min().forward_fill().shift(1).over("line"))
    )
    found = behind.select("line", "place").join(first, on=["line", "place"], how="left", maintain_order="left")
    return found["created"].fill_null(np.nan).to_numpy()
