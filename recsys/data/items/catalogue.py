"""The items: their texts and attributes, in the order of their numbers."""

import html
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.data.ids.vocabulary import Vocabulary

MAX_TEXT_CHARACTERS = 4_000
"""Longer texts are cut: no encoder reads further, and a tokenizer's time grows with them."""

_FRAME, _IDS, _TEXT_LENGTHS = "items.parquet", "ids", "text_lengths.npy"
"""Files of a saved catalogue. The last two save a server from deriving them from all ids and texts when it starts."""

_UNTIL = "available_until"

_UNSEEN = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<(script|style)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
"""What a page holds and does not show: comments, programs, styles. A search ends where the next such begins, so that
many that do not close take no longer than one."""

_TAG = re.compile(r"<(?:[/!]?[A-Za-z]|!--)[^<>]{0,500}>")
"""A tag begins with a letter: `<5 mm` is text."""

_ESCAPED_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|body|br|center|code|dd|del|div|dl|dt|em|font|h[1-6]|head|hr|html|i|img|ins|li|ol|p|"
    r"pre|s|script|small|span|strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul)"
    r"(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
"""A tag of HTML that was escaped as a whole, as feeds do. Others are text: `vector&lt;int&gt;`."""

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class ItemCatalogue:
    """Items in the order of their numbers.

    Attributes:
        frame: one row an item: `item_id`, `title`, `description`, `category`, `brand`, `tags` (list), `price`,
            `language`, `created_at` (UTC), `available`, `available_until` (UTC), and the attributes: all other columns
            of the file. Missing values are null.
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

    def texts_of(self, numbers: NDArray[np.int32]) -> list[str]:
        """(n,) what some items say."""
        return ItemCatalogue(self.frame[numbers]).texts

    @cached_property
    def text_lengths(self) -> NDArray[np.float32]:
        """(n_items,) characters of what each item says."""
        return np.array([len(text) for text in self.texts], dtype=np.float32)

    @cached_property
    def available(self) -> NDArray[np.bool_]:
        """(n_items,) False where an item must not be recommended."""
        return self.frame["available"].fill_null(True).to_numpy()

    @cached_property
    def gone(self) -> NDArray[np.float64]:
        """(n_items,) microseconds: when each item goes; inf where that is not known. An item of which there is one may
        go by being bought."""
        if not isinstance(self.frame.schema.get(_UNTIL), pl.Datetime):  # of an earlier release, or made by hand
            return np.full(len(self), np.inf)
        return self.frame[_UNTIL].dt.timestamp("us").cast(float).fill_null(np.inf).to_numpy()

    @cached_property
    def created(self) -> NDArray[np.float64]:
        """(n_items,) microseconds: when each item was created; NaN where that is not known."""
        if "created_at" not in self.frame.columns:  # made by hand
            return np.full(len(self), np.nan)
        return self.frame["created_at"].dt.timestamp("us").cast(float).fill_null(np.nan).to_numpy()

    def names(self, column: str) -> list[str]:
        """The distinct values of a string column; a value's index is its number in `codes`."""
        return self.frame[column].drop_nulls().unique(maintain_order=True).to_list()

    def codes(self, column: str) -> NDArray[np.int32]:
        """(n_items,) a number for each distinct value of a string column, -1 where it is null."""
        codes = self.frame[column].cast(pl.Enum(self.names(column))).to_physical()
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
            indices = np.arange(len(vocabulary))
            indices[numbers] = len(self) + np.arange(len(numbers))
            frame = frame[indices]
        lengths = np.zeros(len(vocabulary), dtype=np.float32)
        lengths[: len(self)] = self.text_lengths
        lengths[numbers] = ItemCatalogue(rows).text_lengths
        changed = ItemCatalogue(frame)
        # What is computed already is handed on: computing it again would read every item.
        vars(changed).update(vocabulary=vocabulary, text_lengths=lengths)
        return changed

    def with_availability(self, available: NDArray[np.bool_], gone: NDArray[np.float64]) -> "ItemCatalogue":
        """This catalogue with other `available` and `gone`, (n_items,)."""
        known = np.isfinite(gone)
        moments = pl.Series(_UNTIL, np.where(known, gone, 0).astype(np.int64)).cast(pl.Datetime("us", "UTC"))
        until = moments.to_frame().select(pl.when(pl.Series(known)).then(_UNTIL)).to_series()
        stocked = ItemCatalogue(self.frame.with_columns(pl.Series("available", available, dtype=pl.Boolean), until))
        vars(stocked).update(vocabulary=self.vocabulary, text_lengths=self.text_lengths)
        return stocked

    def save(self, folder: Path) -> None:
        """Write the frame as items.parquet, ids and lengths of texts as arrays."""
        folder.mkdir(parents=True, exist_ok=True)
        self.frame.write_parquet(folder / _FRAME)
        self.vocabulary.save(folder / _IDS)
        save_array(folder / _TEXT_LENGTHS, self.text_lengths)

    @classmethod
    def load(cls, folder: Path) -> "ItemCatalogue":
        """Read what `save` wrote; arrays are mapped into memory, or made where an earlier release wrote none."""
        catalogue = cls(pl.read_parquet(folder / _FRAME, glob=False))
        if (folder / _IDS).is_dir():
            lengths = load_array(folder / _TEXT_LENGTHS)
            vars(catalogue).update(vocabulary=Vocabulary.load(folder / _IDS), text_lengths=lengths)
        return catalogue


def item_text(*parts: str | None) -> str:
    """Join the parts of an item into one plain text: entities decoded, tags and repeated space removed, cut."""
    cleaned = (plain_text(part) for part in parts if part)
    return ". ".join(dict.fromkeys(part for part in cleaned if part))[:MAX_TEXT_CHARACTERS]


def plain_text(text: str) -> str:
    """Text without HTML tags and entities, white space folded."""
    text = text[: 4 * MAX_TEXT_CHARACTERS]
    shown = html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", text)))
    return _SPACE.sub(" ", _ESCAPED_TAG.sub(" ", shown)).strip()
