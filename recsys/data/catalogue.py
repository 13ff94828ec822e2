"""The items: what each one says and is, in the order of their numbers."""

import html
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.vocabulary import Vocabulary

MAX_TEXT_CHARACTERS = 4_000
"""Longer texts are cut: no encoder reads further, and a tokenizer's time grows with them."""

_TAG = re.compile(r"<[^<>]{1,500}>")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class ItemCatalogue:
    """Items in the order of their numbers.

    Attributes:
        frame: one row an item: `item_id`, `title`, `description`, `category`, `brand`, `tags` (list), `price`,
            `language`, `created_at` (UTC), `available`, and every further column of the file. Missing values are null.
    """

    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Item ids to numbers."""
        return Vocabulary(self.frame["item_id"].to_list())

    @cached_property
    def texts(self) -> list[str]:
        """What each item says: title, brand, category, tags, description; plain text, bounded in length."""
        columns = self.frame.select("title", "brand", "category", pl.col("tags").list.join(", "), "description")
        return [item_text(*row) for row in columns.iter_rows()]

    @cached_property
    def available(self) -> NDArray[np.bool_]:
        """(n_items,) False where an item must not be recommended."""
        return self.frame["available"].fill_null(True).to_numpy()

    def names(self, column: str) -> list[str]:
        """The distinct values of a string column; a value's place is its number in `codes`."""
        return self.frame[column].drop_nulls().unique(maintain_order=True).to_list()

    def codes(self, column: str) -> NDArray[np.int32]:
        """(n_items,) a number for each distinct value of a string column, -1 where it is null."""
        values = self.frame.select(pl.col(column).alias("value"))
        names = values.drop_nulls().unique(maintain_order=True).with_row_index("code")
        codes = values.join(names, on="value", how="left", maintain_order="left")["code"]
        return codes.cast(pl.Int32).fill_null(-1).to_numpy()

    def updated(self, numbers: NDArray[np.int32], rows: pl.DataFrame, vocabulary: Vocabulary) -> "ItemCatalogue":
        """This catalogue with some rows replaced and new ones behind.

        Args:
            numbers: (n,) of the rows; from `len(self)` on they are new, and increase.
            rows: the columns of `frame` with their types, and perhaps further ones.
            vocabulary: of all items after the change.
        """
        frame = pl.concat([self.frame, rows], how="diagonal")
        if (numbers < len(self)).any():
            places = np.arange(len(vocabulary))
            places[numbers] = len(self) + np.arange(len(numbers))
            frame = frame[places]
        changed = ItemCatalogue(frame)
        texts = [*self.texts, *([""] * (len(vocabulary) - len(self)))]
        for number, text in zip(numbers.tolist(), ItemCatalogue(rows).texts, strict=True):
            texts[number] = text
        # What is known already is handed on: computing it anew would read every item.
        vars(changed).update(vocabulary=vocabulary, texts=texts)
        return changed

    def save(self, path: Path) -> None:
        """Write one parquet file."""
        self.frame.write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> "ItemCatalogue":
        """Read what `save` wrote."""
        return cls(pl.read_parquet(path))


def item_text(*parts: str | None) -> str:
    """Join the parts of an item into one plain text: entities decoded, tags and repeated space removed, cut."""
    cleaned = (plain_text(part) for part in parts if part)
    return ". ".join(dict.fromkeys(part for part in cleaned if part))[:MAX_TEXT_CHARACTERS]


def plain_text(text: str) -> str:
    """Text without HTML tags and entities, white space folded."""
    text = text[: 4 * MAX_TEXT_CHARACTERS]
    return _SPACE.sub(" ", _TAG.sub(" ", html.unescape(text))).strip()
