"""Columns of numbers and times as names of groups: the tenths of their values."""

import polars as pl

from recsys.data.groups.membership import is_code

_PARTS = 10
"""Groups of a column of numbers or times: its tenths, or its values if it has no more than this many."""

_DIGITS = 3
"""Digits of the numbers in the name of a tenth, where these suffice to distinguish tenths."""


def in_tenths(frame: pl.DataFrame) -> pl.DataFrame:
    """A table whose columns of numbers and times say in which tenth a value lies; numbers of ids and codes stay."""
    measured = [name for name, kind in frame.schema.items() if kind.is_numeric() and not is_code(name)]
    cut = pl.selectors.by_name(measured) | pl.selectors.temporal()
    return frame.with_columns(cut.map_batches(_parts))


def _parts(values: pl.Series) -> pl.Series:
    """Each value as text; where there are many of them, the tenth that it lies in, written as its bounds."""
    values = values.fill_nan(None) if values.dtype.is_float() else values
    if values.n_unique() <= _PARTS:
        return values.cast(pl.String)
    ranks = values.rank("max")
    parts = pl.DataFrame({"value": values, "part": (ranks * _PARTS / values.count()).ceil()})
    first, last = (bound.over("part") for bound in (pl.col("value").min(), pl.col("value").max()))
    exact = parts.select(_named(first, last).alias(values.name)).to_series()
    if not values.dtype.is_float():
        return exact
    short = parts.select(_named(first.round_sig_figs(_DIGITS), last.round_sig_figs(_DIGITS)).alias(values.name))
    return short.to_series() if short.n_unique() == exact.n_unique() else exact


def _named(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    words = (first.cast(pl.String), last.cast(pl.String))
    return pl.when(words[0] == words[1]).then(words[0]).otherwise(pl.concat_str(words[0], pl.lit(" to "), words[1]))
