"""Looking around in the catalogue: items by id and title, columns and what they hold."""

from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from recsys.data.items.catalogue import ItemCatalogue

BRIEF = ("item_id", "title", "category", "brand", "price", "available")
"""Columns of the short form of an item, in search results and histories."""

MOST_WORDS = 8
"""Further words of a search are not looked at."""

MOST_VALUES = 100
"""Values of a column that are named, most frequent first."""


def items_by_id(catalogue: ItemCatalogue, ids: Sequence[str], withdrawn: Collection[str]) -> list[dict[str, Any]]:
    """The items with these ids, in their order, each once; unknown and withdrawn ones are left out."""
    numbers = catalogue.vocabulary.numbers(id_ for id_ in dict.fromkeys(ids) if id_ not in withdrawn)
    known: pl.DataFrame = catalogue.frame.select(BRIEF)[numbers[numbers >= 0].tolist()]
    return known.to_dicts()


def items_by_title(catalogue: ItemCatalogue, text: str, n: int, withdrawn: Collection[str]) -> list[dict[str, Any]]:
    """The first `n` items whose title holds every word of the text, whatever their case, or whose id it is.

    Titles that begin with the text come first, then short ones; without a word all items match, in their own order.
    """
    words = text.lower().split()[:MOST_WORDS]
    title, gone = pl.col("title").str.to_lowercase(), pl.Series(list(withdrawn), dtype=pl.String).implode()
    found = catalogue.frame.lazy().select(BRIEF).filter(~pl.col("item_id").is_in(gone))
    if words:
        holds = pl.all_horizontal(title.str.contains(word, literal=True) for word in words)
        is_id, begins = pl.col("item_id") == text.strip(), title.str.starts_with(" ".join(words))
        order = (is_id, begins, pl.col("title").str.len_chars())
        found = found.filter(holds | is_id).sort(order, descending=(True, True, False), maintain_order=True)
    return found.head(n).collect().to_dicts()


def described_columns(catalogue: ItemCatalogue) -> list[dict[str, Any]]:
    """Every column that a filter can ask about: its kind, how many values it has, and what they are.

    Values are named where items share them (categories, brands), bounds where they have an order (prices, times).
    """
    described = (_column(catalogue.frame[name]) for name in catalogue.frame.columns)
    return [column for column in described if column is not None]


def _column(cells: pl.Series) -> dict[str, Any] | None:
    kind = _kind(cells.dtype)
    if kind is None:
        return None
    single = (cells.explode() if isinstance(cells.dtype, pl.List) else cells).drop_nulls()
    n_values = single.n_unique()
    description = {"name": cells.name, "kind": kind, "n_values": n_values, "values": [], "low": None, "high": None}
    if kind in ("number", "time") and len(single):
        bounds = (single.min(), single.max())
        texts = [bound.isoformat() if kind == "time" else bound for bound in bounds]  # type: ignore[union-attr]
        description.update(low=texts[0], high=texts[1])
    elif 2 * n_values <= len(single):
        counts = single.alias("value").value_counts(sort=True, name="n").head(MOST_VALUES)
        description["values"] = counts.to_dicts()
    return description


def _kind(dtype: pl.DataType) -> str | None:
    """The kind of a column, of one of lists that of their elements (`tags` where they are texts): a filter asks about
    any of them. None where it cannot be filtered."""
    if isinstance(dtype, pl.List):
        inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
        kind = None if isinstance(inner, pl.List) else _kind(inner)
        return "tags" if kind == "text" else kind
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "time"
    return "text" if dtype in (pl.String, pl.Categorical, pl.Enum) else None
