"""Attributes of items: columns of the catalogue without a meaning of their own, such as an author or a size."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, TypeVarTuple

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from features.attribute_kinds import is_label, is_single_label, values_of
from features.credibility import credible_rates
from features.lines import Lines, lines_of, successors_of
from recsys.data.groups.membership import members_of
from recsys.data.groups.references import named_rows
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_past import ItemPast
from recsys.data.tables.parsing import times_of

_DATE = r"^\d{4}-\d\d-\d\d"
"""How texts of a column of dates begin; plain numbers may be anything."""

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


def _kept(prepare: Callable[["Attributes", *Arguments], Result]) -> Callable[["Attributes", *Arguments], Result]:
    """A method whose results are kept by its arguments."""

    @wraps(prepare)
    def prepared(self: "Attributes", *arguments: *Arguments) -> Result:
        key = prepare.__name__, arguments
        if key not in self._prepared:
            self._prepared[key] = prepare(self, *arguments)
        result: Result = self._prepared[key]
        return result

    return prepared


class Attributes:
    """Columns of a catalogue as features read them, `category` and `brand` included; each is prepared when it is first
    needed. Every method is None for a column that is missing or of another kind."""

    def __init__(self, catalogue: ItemCatalogue, past: ItemPast | None = None) -> None:
        """`past` says how much each item was wanted; None where that is not known."""
        self._frame, self._past = catalogue.frame, past
        self._created, self._gone = catalogue.created, catalogue.gone
        self._prepared: dict[tuple[str, tuple[Any, ...]], Any] = {}

    def prepare_as(self, earlier: "Attributes") -> None:
        """Prepare now what an earlier catalogue had prepared, so that no request has to wait for it."""
        for method, arguments in tuple(earlier._prepared):
            getattr(self, method)(*arguments)

    @_kept
    def labels(self, column: str, level: int | None) -> sp.csr_matrix | None:
        """See `members_of`: (n_items, n_values) 1 where an item has the value; of paths, at this level."""
        has_labels = self._has(column) and is_label(self._frame[column])
        return members_of(self._frame[column], self._frame["item_id"], level) if has_labels else None

    @_kept
    def alike(self, columns: tuple[str, ...]) -> sp.csr_matrix | None:
        """(n_items, n_groups) 1 in the group of the items that have the same values in all these columns."""
        return alike_in(self._frame, columns) if self._has(*columns) else None

    @_kept
    def named(self, column: str) -> sp.csr_matrix | None:
        """(n_items, n_items) 1 where an item (row) names another one by its id."""
        return _named(self._frame, column) if self._has(column) and is_label(self._frame[column]) else None

    @_kept
    def quantiles(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) the share of all numbers below each one, with half of the equal ones; NaN where it is missing."""
        has_numbers = self._has(column) and self._frame[column].dtype.is_numeric()
        return _quantiles(self._frame[column]) if has_numbers else None

    @_kept
    def moments(self, column: str) -> NDArray[np.float64] | None:
        """(n_items,) microseconds of the date that each item has in a column, NaN where it is missing."""
        return _moments(self._frame[column]) if self._has(column) else None

    @_kept
    def popularities(self, column: str) -> NDArray[np.float32] | None:
        """(n_items,) how many times as often as a typical item those with the same value are wanted while they are
        there; for a list of values the mean, NaN without a value. None also where nothing was wanted."""
        members, past = self.labels(column, None), self._past
        if members is None or past is None or not past.weights.any():
            return None
        return _popularities(members, past.weights, past.share_there(self._created, self._gone))

    @_kept
    def lines(self, column: str, number: str, part: str | None) -> Lines | None:
        """The line of the items with each value of `column`, in the order of `number`; with `part`, first in the order
        of that."""
        numbers = [name for name in (part, number) if name is not None]
        if not self._has(column, *numbers) or not is_single_label(self._frame[column]):
            return None
        if not all(self._frame[name].dtype.is_numeric() for name in numbers):
            return None
        return lines_of(self._frame[column], [self._frame[name] for name in numbers])

    @_kept
    def successors(self, column: str, number: str, part: str | None) -> NDArray[np.float64] | None:
        """(n_items,) see `successors_of`: when the first of the items behind each one in its line came."""
        lines = self.lines(column, number, part)
        return None if lines is None else successors_of(lines, self._created)

    def _has(self, *columns: str) -> bool:
        return all(name in self._frame.columns for name in columns)


def alike_in(frame: pl.DataFrame, columns: Sequence[str]) -> sp.csr_matrix:
    """(n_items, n_groups) 1 in the group of the items that have the same values in all these columns, where no value is
    one too."""
    groups = frame.select(pl.struct(columns).rank("dense")).to_series().to_numpy() - 1
    n = len(groups)
    return sp.csr_matrix((np.ones(n, dtype=np.float32), groups, np.arange(n + 1)))


def _named(frame: pl.DataFrame, column: str) -> sp.csr_matrix | None:
    names = values_of(frame, column)
    found = names.join(named_rows(names["value"].unique(), frame["item_id"]), on="value", suffix="_named")
    if found.is_empty():
        return None
    cells = found["row"].to_numpy(), found["row_named"].to_numpy()
    return sp.csr_matrix((np.ones(len(found), dtype=np.float32), cells), shape=(len(frame), len(frame)))


def _popularities(
    members: sp.csr_matrix, weights: NDArray[np.float64], share_there: NDArray[np.float64]
) -> NDArray[np.float32]:
    counts = np.diff(members.indptr)
    totals = members @ credible_rates(members, weights, share_there)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan).astype(np.float32)


def _quantiles(values: pl.Series) -> NDArray[np.float32] | None:
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = len(numbers) - numbers.null_count()
    if not known:
        return None
    quantiles = (numbers.rank("average") - 0.5) / known  # equal ones share theirs
    return quantiles.cast(pl.Float32).fill_null(np.nan).to_numpy()


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
