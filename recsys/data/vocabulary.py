"""Ids (the caller's strings) to numbers (our contiguous index) and back."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import DataError

UNKNOWN = -1


class Vocabulary:
    """An ordered set of ids; the number of an id is its place, from 0."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}
        if len(self._numbers) != len(self._ids):
            raise DataError("a vocabulary needs distinct ids; make them unique first")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._numbers

    def number(self, id_: str) -> int:
        """The number of one id, `UNKNOWN` (-1) if it is not in the vocabulary."""
        return self._numbers.get(id_, UNKNOWN)

    def numbers(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Numbers of many ids, `UNKNOWN` (-1) where an id is not in the vocabulary."""
        return np.array([self._numbers.get(id_, UNKNOWN) for id_ in ids], dtype=np.int32)

    def id(self, number: int) -> str:
        """The id of one number in [0, len)."""
        if number < 0:
            raise IndexError(number)
        return self._ids[number]

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of many numbers in [0, len)."""
        return [self._ids[number] for number in numbers]

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """This vocabulary with the ids that it lacks added behind; known ids keep their numbers."""
        added = dict.fromkeys(id_ for id_ in ids if id_ not in self._numbers)
        return Vocabulary([*self._ids, *added]) if added else self

    def save(self, path: Path) -> None:
        """Write one parquet column `id`, in the order of the numbers."""
        pl.DataFrame({"id": pl.Series(self._ids, dtype=pl.String)}).write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        return cls(pl.read_parquet(path)["id"].to_list())
