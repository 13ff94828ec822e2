"""Lines of items, such as the volumes of a series: which columns make them, and where each item stands in its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.attribute_kinds import attributes_of, is_single_label, quantity_columns

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
    names = (*attributes_of(frame), *(name for name in _LABELS if name in frame.columns))
    labels = [name for name in names if is_single_label(frame[name])]
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
        positions: (n_items,) its position there, from 0; items of the same number share theirs.
    """

    lines: NDArray[np.int32]
    positions: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.lines.max(initial=-1)) + 1


def lines_of(label: pl.Series, numbers: Sequence[pl.Series]) -> Lines | None:
    """The lines that the values of `label` name, each in the order of the numbers, the first of which counts most; None
    without any."""
    found = _in_lines(label, numbers)
    if found.is_empty():
        return None
    found = found.with_columns(
        pl.col("line").rank("dense").cast(pl.Int32) - 1,
        position=pl.col("number").rank("dense").over("line").cast(pl.Int32) - 1,
    )
    lines, positions = np.full(len(label), -1, dtype=np.int32), np.zeros(len(label), dtype=np.int32)
    rows = found["row"].to_numpy()
    lines[rows], positions[rows] = found["line"].to_numpy(), found["position"].to_numpy()
    return Lines(lines, positions)


def successors_of(lines: Lines, created: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_items,) microseconds when the first of the items behind each one in its line was created, NaN where none was;
    `created` (n_items,), likewise."""
    behind = pl.DataFrame({"line": lines.lines, "position": lines.positions, "created": created}).fill_nan(None)
    first = (
        behind.filter(pl.col("line") >= 0)
        .group_by("line", "position")
        .agg(pl.col("created").min())
        .sort("line", "position", descending=True)
        .with_columns(created=pl.col("created").cum_min().forward_fill().shift(1).over("line"))
    )
    found = behind.select("line", "position").join(first, on=["line", "position"], how="left", maintain_order="left")
    return found["created"].fill_null(np.nan).to_numpy()


def _in_lines(label: pl.Series, numbers: Sequence[pl.Series]) -> pl.DataFrame:
    """`row`, `line` and `number` (a struct of all numbers) of each item that has a label and all numbers."""
    known = [number.cast(pl.Float64).fill_nan(None).alias(str(index)) for index, number in enumerate(numbers)]
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
