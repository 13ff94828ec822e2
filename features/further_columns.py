"""What a file tells of items besides what has a place of its own: an author, a series, a size."""

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.catalogue import ItemCatalogue
from recsys.data.groups import is_code, members_of, names_values
from recsys.data.schema import ITEMS

_KNOWN = frozenset(column.name for column in ITEMS)


def label_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Unknown columns that name what items are: by text, by truth values, by whole numbers (ids, sizes)."""
    return tuple(name for name in _unknown(frame) if _is_label(frame[name]))


def quantity_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Unknown columns that measure items."""
    return tuple(name for name in _unknown(frame) if frame[name].dtype.is_numeric() and not is_code(name))


class FurtherColumns:
    """The columns of a catalogue as features read them; one is made ready when it is first asked for."""

    def __init__(self, catalogue: ItemCatalogue) -> None:
        self._frame = catalogue.frame
        self._labels: dict[str, sp.csr_matrix | None] = {}
        self._places: dict[str, NDArray[np.float32] | None] = {}

    def read_as(self, earlier: "FurtherColumns") -> None:
        """Make ready what was asked of an earlier catalogue, so that no request has to."""
        for column in tuple(earlier._labels):
            self.labels(column)
        for column in tuple(earlier._places):
            self.places(column)

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


def _unknown(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name not in _KNOWN]


def _is_label(values: pl.Series) -> bool:
    return values.dtype.is_integer() or names_values(values)


def _places(values: pl.Series) -> NDArray[np.float32] | None:
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = len(numbers) - numbers.null_count()
    if not known:
        return None
    places = (numbers.rank("average") - 0.5) / known  # equal ones share theirs
    return places.cast(pl.Float32).fill_null(np.nan).to_numpy()
