"""What a file tells of items besides what has a place of its own: an author, a series, a size."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.catalogue import ItemCatalogue
from recsys.data.groups import is_code, members_of, names_values
from recsys.data.schema import ITEMS

_KNOWN = frozenset(column.name for column in ITEMS)

_LABELS = ("category", "brand")
"""Known columns that may name lines."""

_USUAL_ITEMS = 5.0
"""Usual items that are added to those with a value in common, so that one or two items do not say what it is worth."""

_LEAST_IN_LINES = 0.1
"""Share of the items that must be in a line with others."""

_LEAST_DISTINCT = 0.9
"""Share of the items in lines whose number no other item of their line has."""

_MOST_NUMBERS = 0.5
"""Different numbers, as a share of the items in lines."""

_LEAST_STEPS = 0.5
"""Share of the steps from one number of a line to the next that must be 1."""


def label_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Unknown columns that name what items are: by text, by truth values, by whole numbers (ids, sizes)."""
    return tuple(name for name in _unknown(frame) if _is_label(frame[name]))


def quantity_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Unknown columns that measure items."""
    return tuple(name for name in _unknown(frame) if frame[name].dtype.is_numeric() and not is_code(name))


def line_columns(frame: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """Columns that name lines of items, each with the column that counts through them: series and volume, show and
    episode.

    A number counts through lines where hardly two items of a line have the same, most follow one another in steps of
    1, as no price, size or year does, and it begins anew in each line, as no running number of all items does.
    """
    labels = [name for name in (*_unknown(frame), *_LABELS) if name in frame.columns and _is_single_name(frame[name])]
    return tuple(
        (label, number)
        for label in labels
        for number in quantity_columns(frame)
        if _counts_through(frame, label, number)
    )


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
    """The columns of a catalogue as features read them; one is made ready when it is first asked for."""

    def __init__(self, catalogue: ItemCatalogue, popularity: NDArray[np.float32] | None = None) -> None:
        """`popularity` (n_items,) is how much each item was wanted; None where nobody knows."""
        self._frame, self._popularity = catalogue.frame, popularity
        self._labels: dict[str, sp.csr_matrix | None] = {}
        self._places: dict[str, NDArray[np.float32] | None] = {}
        self._lines: dict[tuple[str, str], Lines | None] = {}
        self._popularities: dict[str, NDArray[np.float32] | None] = {}

    def read_as(self, earlier: "FurtherColumns") -> None:
        """Make ready what was asked of an earlier catalogue, so that no request has to."""
        for column in tuple(earlier._labels):
            self.labels(column)
        for column in tuple(earlier._places):
            self.places(column)
        for column, number in tuple(earlier._lines):
            self.lines(column, number)
        for column in tuple(earlier._popularities):
            self.popularities(column)

    def labels(self, column: str) -> sp.csr_matrix | None:
        """(n_items, n_values) 1 where an item has the value, or has it in its list; None where no item has one."""
        if column not in self._labels:
            has_labels = column in self._frame.columns and _is_label(self._frame[column])
            self._labels[column] = members_of(self._frame[column]) if has_labels else None
        return self._labels[column]

    def places(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) the place of each number among all, from 0 to 1, NaN where it is missing; None where all are."""
        if column not in self._places:
            has_numbers = column in self._frame.columns and self._frame[column].dtype.is_numeric()
            self._places[column] = _places(self._frame[column]) if has_numbers else None
        return self._places[column]

    def popularities(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) how many times as often as a usual item those with the same value are wanted, NaN without a value;
        of a list of values the mean. None where that is known of none."""
        if column not in self._popularities:
            members, popularity = self.labels(column), self._popularity
            self._popularities[column] = (
                None if popularity is None or members is None else _popularities(members, popularity)
            )
        return self._popularities[column]

    def lines(self, column: str, number: str) -> Lines | None:
        """The items with one value of a column as a line, in the order of another column; None where there is none."""
        if (column, number) not in self._lines:
            frame = self._frame
            has_both = column in frame.columns and number in frame.columns
            has_lines = has_both and _is_single_name(frame[column]) and frame[number].dtype.is_numeric()
            self._lines[column, number] = _lines(frame[column], frame[number]) if has_lines else None
        return self._lines[column, number]


def _unknown(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name not in _KNOWN]


def _is_label(values: pl.Series) -> bool:
    return values.dtype.is_integer() or names_values(values)


def _popularities(members: sp.csr_matrix, popularity: NDArray[np.float32]) -> NDArray[np.float32] | None:
    usual = float(popularity.mean()) if len(popularity) else 0.0
    if usual <= 0:
        return None
    sizes, sums = np.asarray(members.sum(axis=0)).ravel(), members.T @ (popularity / usual)
    counts = np.diff(members.indptr)
    totals = members @ ((sums + _USUAL_ITEMS) / (sizes + _USUAL_ITEMS))
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan).astype(np.float32)


def _places(values: pl.Series) -> NDArray[np.float32] | None:
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = len(numbers) - numbers.null_count()
    if not known:
        return None
    places = (numbers.rank("average") - 0.5) / known  # equal ones share theirs
    return places.cast(pl.Float32).fill_null(np.nan).to_numpy()


def _is_single_name(values: pl.Series) -> bool:
    return names_values(values) and not values.dtype.is_nested() and values.dtype != pl.Boolean


def _in_lines(label: pl.Series, number: pl.Series) -> pl.DataFrame:
    """`row`, `line` and `number` of the items that have both."""
    frame = pl.DataFrame({"line": label.cast(pl.String), "number": number.cast(pl.Float64).fill_nan(None)})
    return frame.with_row_index("row").drop_nulls()


def _counts_through(frame: pl.DataFrame, label: str, number: str) -> bool:
    """Whether the numbers of a column count through what another column names."""
    found = _in_lines(frame[label], frame[number]).filter(pl.len().over("line") > 1)
    if len(found) < _LEAST_IN_LINES * len(frame):
        return False
    distinct = found.unique(["line", "number"]).sort("line", "number")
    steps = distinct.select(pl.col("number").diff().over("line"))["number"].drop_nulls()
    return (
        len(distinct) >= _LEAST_DISTINCT * len(found)
        and found["number"].n_unique() <= _MOST_NUMBERS * len(found)
        and len(steps) > 0
        and int((steps == 1).sum()) >= _LEAST_STEPS * len(steps)
    )


def _lines(label: pl.Series, number: pl.Series) -> Lines | None:
    found = _in_lines(label, number)
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
