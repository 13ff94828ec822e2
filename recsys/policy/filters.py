"""Conditions on the columns of the catalogue, as users write them in `filter`."""

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.groups.paths import pattern_within
from recsys.data.items.catalogue import ItemCatalogue
from recsys.errors import DataError
from recsys.policy.steps import Step

_BOUNDS: Mapping[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "gte": pl.Expr.ge,
    "gt": pl.Expr.gt,
    "lte": pl.Expr.le,
    "lt": pl.Expr.lt,
}

_OPERATORS = (*_BOUNDS, "within")

_END_OF_DAY = re.compile(r"(?<=\d[Tt ])24(?=(?::?00){0,2}(?:\.0+)?(?:[Zz]|[+-][\d:]+)?$)")
"""The hour of a midnight that ends a day, which `datetime.fromisoformat` reads from Python 3.14 on only."""


@dataclass(frozen=True)
class Filters(Step):
    """Only items that meet every condition.

    A condition is a value (equal to it), a list of values (any of them), or bounds (`gte`, `gt`, `lte`, `lt`, all
    given ones hold). `within` is a bound too, of text: a path such as `Home`, or a list of them, and all that lies in
    it, such as `Home > Kitchen`. A column of lists, such as tags, meets it when any of its elements does. A missing
    value meets only None. Times are ISO 8601 strings, UTC where they name no zone.

    Attributes:
        conditions: column name to condition.
    """

    conditions: Mapping[str, Any]
    name = "filters"

    def narrow(self, allowed: NDArray[np.bool_], catalogue: ItemCatalogue) -> None:
        """Forbid the items for which a condition does not hold.

        Raises:
            DataError: a column or an operator does not exist (the nearest one is named), or a value is not of the
                column's type.
        """
        if self.conditions:
            allowed &= _met(self.conditions, catalogue.frame)


def items_that_meet(
    conditions: Mapping[str, Any], catalogue: ItemCatalogue, items: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """(n,) True for those of the `items` (n,) that meet every condition.

    Raises:
        DataError: as for `Filters`.
    """
    named = [name for name in catalogue.frame.columns if name in conditions or name == "available"]
    unknown = [name for name in conditions if name not in named]
    frame = catalogue.frame if unknown else catalogue.frame.select(named)[items]
    return _met(conditions, frame)


def _met(conditions: Mapping[str, Any], frame: pl.DataFrame) -> NDArray[np.bool_]:
    """(n_rows,) True where all conditions hold."""
    tests = [_column_test(frame.schema, name, condition) for name, condition in conditions.items()]
    # A missing `available` means yes, as everywhere.
    frame = frame.with_columns(pl.col("available").fill_null(True))
    return frame.select(pl.all_horizontal(tests).fill_null(False).alias("met"))["met"].to_numpy()


def _column_test(schema: pl.Schema, name: str, condition: Any) -> pl.Expr:
    """The condition on one column as an expression of booleans."""
    if name not in schema:
        near = difflib.get_close_matches(name, schema.names(), n=1, cutoff=0.0)
        raise DataError(f"filter: items have no column {name!r}; the nearest one is {near[0]!r}")
    column, dtype = pl.col(name), schema[name]
    if not isinstance(dtype, pl.List):
        return _test(column, dtype, name, condition)
    if condition is None:
        return column.is_null()
    element = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
    met = column.list.eval(_test(pl.element(), element, name, condition)).list.any()
    return met | column.is_null() if isinstance(condition, list | tuple) and None in condition else met


def _test(column: pl.Expr, dtype: pl.DataType, name: str, condition: Any) -> pl.Expr:
    kind, value = _comparable(column, dtype, name)
    if isinstance(condition, Mapping):
        return pl.all_horizontal(_bound(value, kind, name, *item) for item in _checked(condition, name).items())
    several = isinstance(condition, Sequence) and not isinstance(condition, str)
    wanted = [one if one is None else _typed(one, kind, name) for one in (condition if several else [condition])]
    if kind == pl.Int64:  # no whole number equals 1.5
        wanted = [None if one is None else int(one) for one in wanted if one is None or _is_whole(one)]
    return value.is_in(pl.Series(wanted, dtype=kind).implode(), nulls_equal=None in wanted)


def _comparable(column: pl.Expr, dtype: pl.DataType, name: str) -> tuple[pl.DataType, pl.Expr]:
    """The column as one of six types that conditions are written in.

    Raises:
        DataError: its type is none that can be compared.
    """
    if dtype.is_integer() and dtype != pl.UInt64:  # which reaches further; a cast would make nothing of that
        return pl.Int64(), column.cast(pl.Int64, strict=False)
    if dtype.is_numeric():
        # In a column of float32, 0.1 is what float32 makes of it: as float64 it would be another number.
        kind = pl.Float32() if dtype == pl.Float32 else pl.Float64()
        return kind, column.cast(kind).fill_nan(None)  # NaN is missing, not a price above all others
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return pl.String(), column.cast(pl.String)
    if dtype == pl.Boolean:
        return pl.Boolean(), column
    if isinstance(dtype, pl.Date | pl.Datetime):
        moment = column.cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))
        aware = getattr(dtype, "time_zone", None) is not None
        utc = moment.dt.convert_time_zone("UTC") if aware else moment.dt.replace_time_zone("UTC")
        return pl.Datetime("us", "UTC"), utc
    raise DataError(f"filter on {name!r}: a column of type {dtype} cannot be filtered")


def _checked(bounds: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The bounds, if there are some and all operators exist."""
    if not bounds:
        raise DataError(f"filter on {name!r}: no bounds; give one or more of {', '.join(_OPERATORS)}")
    for operator in bounds:
        if operator not in _OPERATORS:
            near = difflib.get_close_matches(operator, _OPERATORS, n=1, cutoff=0.0)
            raise DataError(f"filter on {name!r}: unknown operator {operator!r}; the nearest one is {near[0]!r}")
    return bounds


def _bound(value: pl.Expr, kind: pl.DataType, name: str, operator: str, bound: Any) -> pl.Expr:
    if operator == "within":
        return _within(value, kind, name, [bound] if isinstance(bound, str) else bound)
    literal = pl.lit(_typed(bound, kind, name))
    return _BOUNDS[operator](value, literal.cast(kind) if kind == pl.Float32 else literal)


def _within(value: pl.Expr, kind: pl.DataType, name: str, paths: Any) -> pl.Expr:
    """Whether a text is one of the paths or lies in one.

    Raises:
        DataError: the column holds no text, or these are no paths.
    """
    of_text = kind == pl.String() and isinstance(paths, Sequence) and all(isinstance(path, str) for path in paths)
    if not of_text:
        raise DataError(f"filter on {name!r}: within takes a text, or a list of texts, for a column of text")
    # Not strict: a path too long for an expression is none that an item has.
    return pl.any_horizontal(pl.lit(False), *(value.str.contains(pattern_within(path), strict=False) for path in paths))


def _is_whole(number: float) -> bool:
    """Whether a column of whole numbers can hold it."""
    return abs(number) < 2**63 and number == int(number)


def _typed(value: Any, kind: pl.DataType, name: str) -> Any:
    """The value of a condition, if it can be compared with a column of the kind.

    Raises:
        DataError: it is of another type, or a whole number beyond 64 bits.
    """
    if isinstance(value, bool):
        fits = kind == pl.Boolean
    elif isinstance(value, int):
        fits = kind.is_numeric() and abs(value) < 2**63
    elif isinstance(value, float):
        fits = kind.is_numeric() and math.isfinite(value)
    else:
        fits = isinstance(value, str) and (kind == pl.String or isinstance(kind, pl.Datetime))
    if not fits:
        mend = "; write a time in ISO 8601, such as 2024-05-31T12:00:00Z" if isinstance(kind, pl.Datetime) else ""
        raise DataError(f"filter on {name!r}: {value!r} does not fit a column of type {kind.base_type()}{mend}")
    return _moment(value, name) if isinstance(kind, pl.Datetime) else value


def _moment(text: str, name: str) -> datetime:
    try:
        start = _END_OF_DAY.sub("00", text)
        moment = datetime.fromisoformat(start) + timedelta(days=start != text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # the latter: a time that lies outside the years 1 to 9999 in UTC
        raise DataError(f"filter on {name!r}: {text!r} is not an ISO 8601 time such as 2024-05-31T12:00:00Z") from error
