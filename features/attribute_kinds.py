"""What the attributes of items are: labels, quantities, or references to other items."""

import polars as pl

from recsys.data.groups.membership import is_code, names_values
from recsys.data.groups.references import are_references
from recsys.data.tables.schema import ITEMS

_STANDARD = frozenset(column.name for column in ITEMS)


def attributes_of(frame: pl.DataFrame) -> list[str]:
    """The columns of a catalogue without a meaning of their own."""
    return [name for name in frame.columns if name not in _STANDARD]


def label_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Attributes whose values name what items are: text, truth values, whole numbers (ids, sizes)."""
    return tuple(name for name in attributes_of(frame) if is_label(frame[name]))


def quantity_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Attributes whose numbers measure items."""
    return tuple(name for name in attributes_of(frame) if frame[name].dtype.is_numeric() and not is_code(name))


def reference_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Attributes that name other items by their ids."""
    return tuple(name for name in label_columns(frame) if _are_references(frame, name))


def is_label(values: pl.Series) -> bool:
    """Whether values name what items are."""
    return values.dtype.is_integer() or names_values(values)


def is_single_label(values: pl.Series) -> bool:
    """Whether each value is one name, neither a list of names nor a truth value."""
    return names_values(values) and not values.dtype.is_nested() and values.dtype != pl.Boolean


def values_of(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """A row for each value that an item has in a column: the item's `row`, and the `value`, as text."""
    values = pl.DataFrame({"row": pl.int_range(len(frame), eager=True), "value": frame[column]})
    if frame[column].dtype.is_nested():
        values = values.explode("value", empty_as_null=False)
    return values.with_columns(pl.col("value").cast(pl.String)).drop_nulls().unique(maintain_order=True)


def _are_references(frame: pl.DataFrame, column: str) -> bool:
    return are_references(values_of(frame, column)["value"].unique(), frame["item_id"])
