"""Warnings about ids: too long, written in several ways, standing for no value, changed."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from recsys.counts import counted
from recsys.data.events.events_table import EventRows, plain_id
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.tables.schema import MAX_ID

SHOWN = 40
"""Characters that a warning shows of a long id."""

_NO_VALUE = ("NULL", "null", "Null", r"\N", "nan", "NaN", "None", "<NA>", "NA", "N/A")
"""What databases and programs write where there is no value. Used as an id, each is taken for an id like any other."""

_UNDER_OLD_IDS = 0.1
"""If more than this share of the events are of items that are gone while others have the same texts, ids changed."""


def long_ids(ids: Sequence[str], name: str, column: str) -> Iterator[str]:
    """Ids that are longer than a server takes: it would list them, and refuse the events that follow."""
    long = [id_ for id_ in ids if len(id_) > MAX_ID]
    if long:
        ids_are = counted(len(long), f"{column} is", f"{column}s are")
        yield (
            f"{name}: {ids_are} longer than {MAX_ID} characters, such as {long[0][:SHOWN]!r}...; "
            "`recsys rank` lists them, but a server takes no events and no requests with them: shorten them"
        )


def ids_written_alike(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Ids that look like one item's, written in several ways."""
    ids = catalogue.frame.select("item_id", plain_id(pl.col("item_id")).alias("plain"))
    alike = ids.filter(pl.col("plain").is_duplicated())
    if len(alike):
        some = " and ".join(map(repr, alike.filter(pl.col("plain") == alike["plain"][0])["item_id"].head(2)))
        yield (
            f"{name}: {len(alike):,} item_ids differ from another one only by case, white space or the Unicode form of "
            f"accents, such as {some}; each is an item of its own: if they are one, write them alike"
        )


def ids_for_no_value(rows: EventRows) -> list[str]:
    """Words that other programs write for no value, in columns of ids."""
    frame, words = rows.frame, pl.Series(_NO_VALUE)
    found = [
        (column, word, n, "one request" if column == "request_id" else "one user")
        for column, name in (("user_id", "user"), ("request_id", "request"))
        for word in words.filter(words.is_in(frame[name].drop_nulls().unique().cast(pl.String).to_list()))
        if (n := frame.filter(pl.col(name) == word).height) > 1
    ]
    keys = zip(words, words.hash(), strict=True)
    found += [
        ("event_id", word, n, "the same event") for word, key in keys if (n := int((frame["key"] == key).sum())) > 1
    ]
    name, mend = rows.rejections.name, "if it stands for no value, leave the cells empty"
    return [
        f"{name}: {column} is {word!r} in {n:,} rows, which count as {meant}; {mend}"
        for column, word, n, meant in found
    ]


def changed_ids(catalogue: ItemCatalogue, log: InteractionLog, name: str) -> Iterator[str]:
    """Items that only got new ids, as when a shop moves to another system: what was done with the old ones
    would say nothing about the new ones. `name` is that of the item table's file.

    Such a pair has all texts in common, is the only one that has them, and events of the new item begin where those of
    the old one end.
    """
    begun, ended = np.full(len(catalogue), np.inf), np.full(len(catalogue), -np.inf)
    np.minimum.at(begun, log.items, log.times)
    np.maximum.at(ended, log.items, log.times)
    gone = ~catalogue.available | (catalogue.gone <= log.times.max(initial=0))
    texts = ["title", "description", "category", "brand"]
    items = catalogue.frame.select(
        "item_id", *texts, gone=gone, begun=begun, ended=ended, events=np.bincount(log.items, minlength=len(catalogue))
    ).filter(pl.len().over(texts) == 2)
    old, new = items.filter("gone"), items.filter(~pl.col("gone"))
    pairs = old.join(new, on=texts, nulls_equal=True).filter(pl.col("ended") <= pl.col("begun_right"))
    share = pairs["events"].sum() / max(len(log), 1)
    if share > _UNDER_OLD_IDS:
        first, second = pairs.select("item_id", "item_id_right").row(0)
        yield (
            f"{name}: {counted(len(pairs), 'item')} that cannot be listed any more, with {share:.0%} of the events, "
            f"read like items that can, such as {first[:SHOWN]!r} and {second[:SHOWN]!r}; if they only got new ids, "
            "give their events the new ids: what was done with the old ones says nothing about the new ones"
        )
