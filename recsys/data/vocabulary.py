"""Ids (the caller's strings) to numbers (our contiguous index) and back."""

import copy
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import DataError

UNKNOWN = -1


class Vocabulary:
    """An ordered set of ids; the number of an id is its place, from 0. Immutable.

    A vocabulary and what it is extended to share one table of ids: each knows how many of them are its own. So one new
    user costs the same among ten and among ten million.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}
        self._size = len(self._ids)
        self._growing = threading.Lock()
        if len(self._numbers) != self._size:
            raise DataError("a vocabulary needs distinct ids; make them unique first")

    def __len__(self) -> int:
        return self._size

    def __contains__(self, id_: str) -> bool:
        return self.number(id_) != UNKNOWN

    def number(self, id_: str) -> int:
        """The number of one id, `UNKNOWN` (-1) if it is not in the vocabulary."""
        number = self._numbers.get(id_, UNKNOWN)
        return number if number < self._size else UNKNOWN

    def numbers(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Numbers of many ids, `UNKNOWN` (-1) where an id is not in the vocabulary."""
        numbers = np.array([self._numbers.get(id_, UNKNOWN) for id_ in ids], dtype=np.int32)
        numbers[numbers >= self._size] = UNKNOWN
        return numbers

    def id(self, number: int) -> str:
        """The id of one number in [0, len)."""
        if not 0 <= number < self._size:
            raise IndexError(number)
        return self._ids[number]

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of many numbers in [0, len)."""
        return [self._ids[number] for number in numbers]

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """This vocabulary with the ids that it lacks added behind; known ids keep their numbers."""
        added = dict.fromkeys(id_ for id_ in ids if id_ not in self)
        if not added:
            return self
        with self._growing:
            if len(self._ids) > self._size:  # another one has been extended from this: the table goes on differently
                return Vocabulary([*self._ids[: self._size], *added])
            for number, id_ in enumerate(added, start=self._size):
                self._ids.append(id_)
                self._numbers[id_] = number
        grown = copy.copy(self)
        grown._size += len(added)
        return grown

    def save(self, path: Path) -> None:
        """Write one parquet column `id`, in the order of the numbers."""
        pl.DataFrame({"id": pl.Series(self._ids[: self._size], dtype=pl.String)}).write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        return cls(pl.read_parquet(path)["id"].to_list())
