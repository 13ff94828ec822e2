"""Items added, changed and withdrawn after training, as the API takes them and the stores keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.halving import take_fitting
from recsys.data.items.items_table import typed_items
from recsys.data.tables.item_columns import check_posted, column_of, fitted, posted_first
from recsys.data.tables.rejections import Rejections
from recsys.data.tables.schema import ITEMS
from recsys.data.tables.table import frame_table
from recsys.errors import DataError


@dataclass(frozen=True, slots=True)
class ItemChange:
    """What became of one item.

    Attributes:
        item_id: the caller's id.
        content: the item's columns as a JSON object in text; None: it is withdrawn and must not be listed.
    """

    item_id: str
    content: str | None


MAX_COLUMNS = 300
"""Columns that all items together may have, those of the item file included: every change of an item costs all of them.
A catalogue that was trained with more keeps them, and gets no further ones."""


def item_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[pl.DataFrame, Rejections]:
    """Posted items as typed rows, by the rules of the item file; values that break a rule are set aside.

    Raises:
        DataError: a column holds values of several kinds; its `loc` is the row and the column. Or there are more
            columns than `MAX_COLUMNS`.
    """
    names = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
    _check_columns(len(names))
    frame = pl.DataFrame([column_of(name, [row.get(name) for row in rows]) for name in names])
    typed, rejections = typed_items(frame_table(frame, "items"))
    if len(rejections):
        return typed, rejections
    # Attributes keep their posted types: text that looks like a number stays text, unlike in a CSV file.
    standard = {column.name for column in ITEMS}
    return typed.with_columns([frame[name] for name in names if name not in standard]), rejections


def check_kinds(catalogue: ItemCatalogue, rows: pl.DataFrame) -> None:
    """Refuse values of another kind than the catalogue holds, even if they could be converted.

    Raises:
        DataError: there is such a value; its `loc` is the row and the column.
    """
    for name, dtype in catalogue.frame.schema.items():
        if name in rows.columns:
            check_posted(rows[name], dtype)


def fitted_to(catalogue: ItemCatalogue, rows: pl.DataFrame) -> pl.DataFrame:
    """Typed rows with the catalogue's own columns and types first, other attributes behind.

    Raises:
        DataError: a value does not fit the catalogue's column; its `loc` is the row and the column. Or there are more
            columns than `MAX_COLUMNS`.
    """
    columns = [
        fitted(rows[name], dtype) if name in rows.columns else pl.Series(name, [None] * rows.height, dtype=dtype)
        for name, dtype in catalogue.frame.schema.items()
    ]
    further = [posted_first(rows[name]) for name in rows.columns if name not in catalogue.frame.columns]
    if further:
        _check_columns(len(columns) + len(further))
    return pl.DataFrame([*columns, *further])


def change_items(catalogue: ItemCatalogue, changes: Sequence[ItemChange]) -> tuple[ItemCatalogue, NDArray[np.int32]]:
    """The catalogue after the changes: known items keep their numbers, new ones come behind.

    A withdrawn item keeps its number, and its text, which histories refer to; it is not available.

    Returns:
        The catalogue, and the numbers of the items that have changed.

    Raises:
        DataError: a column does not fit the catalogue's.
    """
    newest = {change.item_id: change.content for change in changes}
    contents = [_content(id_, content) for id_, content in newest.items() if content is not None]
    gone = catalogue.vocabulary.numbers(id_ for id_, content in newest.items() if content is None)
    gone = gone[gone >= 0]
    withdrawn = catalogue.frame[gone].with_columns(pl.lit(False).alias("available"))
    rows = withdrawn
    if contents:
        typed, rejections = item_rows(contents)
        if len(rejections):
            raise DataError(f"items: {'; '.join(rejections.top_reasons())}")
        fitted = fitted_to(catalogue, typed)
        rows = pl.concat([fitted, withdrawn], how="diagonal")
    vocabulary = catalogue.vocabulary.extended(rows["item_id"].to_list())
    numbers = vocabulary.numbers(rows["item_id"].to_list())
    known = np.flatnonzero(numbers < len(catalogue))
    before = pl.concat([rows.clear(), catalogue.frame[numbers[known]]], how="diagonal")
    same = known[[old == new for old, new in zip(before.rows(), rows[known].rows(), strict=True)]]
    changed = np.setdiff1d(np.arange(len(numbers)), same)
    if not len(changed):
        return catalogue, np.zeros(0, dtype=np.int32)
    return catalogue.updated(numbers[changed], rows[changed], vocabulary), numbers[changed]


def change_fitting_items(
    catalogue: ItemCatalogue, changes: Sequence[ItemChange]
) -> tuple[ItemCatalogue, tuple[str, ...]]:
    """The catalogue after all changes that fit it, and a sentence for each other one."""
    refused: list[str] = []
    changed = take_fitting(
        catalogue,
        changes,
        lambda before, some: change_items(before, some)[0],
        lambda change, error: refused.append(f"item {change.item_id!r}: {error}"),
    )
    return changed, tuple(refused)


def _content(item_id: str, text: str) -> dict[str, Any]:
    """What a store holds of an item; another program may have written it.

    Raises:
        DataError: it is no JSON object, or of another item.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(f"its stored content is no JSON ({error}); put the item again") from error
    if not isinstance(content, dict) or content.get("item_id") != item_id:
        raise DataError("its stored content is no JSON object with its item_id; put the item again")
    return content


def _check_columns(n: int) -> None:
    if n > MAX_COLUMNS:
        raise DataError(
            f"all items together would have {n:,} columns, of {MAX_COLUMNS} at most; write what few items have into "
            "their tags or description"
        )
