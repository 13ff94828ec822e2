"""Warnings about the item table."""

from collections.abc import Iterator

import polars as pl

from recsys.config import TextConfig
from recsys.counts import counted
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.quality.ids import SHOWN, ids_written_alike, long_ids

_LOOK_LIKE_LISTS = 0.1
"""If more than this share of the filled cells of a column of text look like lists, it may hold lists."""


_ENGLISH = r"(?i)^\s*(en|eng|english)(\W|_|$)"
"""How English is named in the column `language`: en, en-US, en_GB, eng, English (UK)."""


def item_warnings(catalogue: ItemCatalogue, name: str, text: TextConfig) -> Iterator[str]:
    """What may be a mistake in the item table; `name` is that of its file."""
    yield from ids_written_alike(catalogue, name)
    yield from _lists_as_text(catalogue, name)
    yield from _prices_below_zero(catalogue, name)
    yield from _gone_before_they_came(catalogue, name)
    yield from _not_in_english(catalogue, name, text)
    yield from long_ids(catalogue.frame["item_id"].to_list(), name, "item_id")


def _lists_as_text(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Columns of one text an item that seem to hold lists."""
    for column in ("category", "brand"):
        filled = catalogue.frame[column].drop_nulls()
        lists = filled.filter(filled.str.contains(r"^\s*\[.*\]\s*$|.\|."))
        if len(lists) > _LOOK_LIKE_LISTS * len(filled):
            yield (
                f"{name}: {column} looks like a list in {counted(len(lists), 'row')}, such as {lists[0][:SHOWN]!r}, "
                "and is read as one text: write lists into tags, or as lists of JSON or Parquet into another column"
            )


def _prices_below_zero(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Prices that are none, such as a -1 that stands for no price."""
    below = catalogue.frame.filter(pl.col("price") < 0)
    if len(below):
        items_have = counted(len(below), "item has", "items have")
        yield (
            f"{name}: {items_have} a price below 0, such as {below['item_id'][0][:SHOWN]!r} with "
            f"{below['price'][0]:g}, and it counts as one; leave the cell empty where there is no price"
        )


def _gone_before_they_came(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Items that no list of any moment can hold."""
    never = catalogue.frame.filter(pl.col("available_until") < pl.col("created_at"))
    if len(never):
        items_are = counted(len(never), "item is", "items are")
        yield (
            f"{name}: {items_are} available until a moment before created_at, such as "
            f"{never['item_id'][0][:SHOWN]!r}, so no list holds them; correct one of the two"
        )


def _not_in_english(catalogue: ItemCatalogue, name: str, text: TextConfig) -> Iterator[str]:
    """Texts in languages that the encoder does not read; of the encoders only the default one is known."""
    encoder = TextConfig().encoder
    named = catalogue.frame.select("item_id", "language").drop_nulls()
    foreign = named.filter(~pl.col("language").str.contains(_ENGLISH))
    if text.encoder == encoder and len(foreign) > len(named) / 2:
        yield (
            f"{name}: language is not English in {len(foreign):,} of {counted(len(named), 'row')}, such as "
            f"{foreign['language'][0][:SHOWN]!r}, and text.encoder = {encoder!r} reads English; if the texts are in "
            "that language, name an encoder for it, such as --set text.encoder=intfloat/multilingual-e5-small"
        )
