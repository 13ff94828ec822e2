"""Ids (the caller's strings) to numbers (our contiguous index) and back."""

import copy
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.data.ids.id_table import IdTable
from recsys.errors import DataError

UNKNOWN = -1


class Vocabulary:
    """An ordered set of ids; the number of an id is its index. Immutable.

    The ids of one that was loaded stay in its files; those that came since are Python's own. A vocabulary and what it
    is extended to share both: each knows how many of them are its own. So one new user costs the same among ten and
    among ten million.
    """

    def __init__(
        self, ids: Sequence[str], tables: Sequence[IdTable] = (), renamed: Mapping[int, str] | None = None
    ) -> None:
        """Number the ids.

        Args:
            ids: distinct; they come behind those of the tables.
            tables: the first ids. One may be in several where its earlier number has another name now.
            renamed: other names for some numbers; those behind the tables have them in `ids` already.
        """
        self._tables = tuple(tables)
        self._starts = tuple(accumulate(map(len, tables), initial=0))
        self._first = self._starts[-1]  # number of the first id behind the tables
        self._renamed = dict(renamed or {})
        self._ids = list(ids)
        self._numbers = {id_: number for number, id_ in enumerate(self._ids, start=self._first)}
        self._size = self._first + len(self._ids)
        self._growing = threading.Lock()
        if len(self._numbers) != len(self._ids):
            raise DataError("a vocabulary needs distinct ids; make them unique first")

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        """The ids in the order of their numbers."""
        return map(self.id, range(self._size))

    def __contains__(self, id_: str) -> bool:
        return self.number(id_) != UNKNOWN

    def number(self, id_: str) -> int:
        """The number of one id, `UNKNOWN` (-1) if it is not in the vocabulary."""
        number = self._numbers.get(id_, UNKNOWN)
        if 0 <= number < self._size:
            return number
        for start, table in zip(self._starts[-2::-1], reversed(self._tables), strict=True):
            number = table.number(id_)
            if number != UNKNOWN:  # an earlier table has it under another name, if at all
                return UNKNOWN if start + number in self._renamed else start + number
        return UNKNOWN

    def numbers(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Numbers of many ids, `UNKNOWN` (-1) where an id is not in the vocabulary."""
        return np.array([self.number(id_) for id_ in ids], dtype=np.int32)

    def id(self, number: int) -> str:
        """The id of one number in [0, len)."""
        if not 0 <= number < self._size:
            raise IndexError(number)
        if number >= self._first:
            return self._ids[number - self._first]
        index = bisect_right(self._starts, number) - 1
        return self._renamed.get(number) or self._tables[index].id(number - self._starts[index])

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of many numbers in [0, len)."""
        return [self.id(number) for number in numbers]

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """This vocabulary with the ids that it lacks added behind; known ids keep their numbers."""
        added = dict.fromkeys(id_ for id_ in ids if id_ not in self)
        if not added:
            return self
        with self._growing:
            own = self._size - self._first
            if len(self._ids) > own:  # another one has been extended from this: the ids go on differently
                return Vocabulary([*self._ids[:own], *added], self._tables, self._renamed)
            for number, id_ in enumerate(added, start=self._size):
                self._ids.append(id_)
                self._numbers[id_] = number
        grown = copy.copy(self)
        grown._size += len(added)
        return grown

    def renamed(self, names: Mapping[int, str]) -> "Vocabulary":
        """This vocabulary with other names for some numbers; no id of it may be one of these names."""
        behind = self._ids[: self._size - self._first]
        for number, name in names.items():
            if number >= self._first:
                behind[number - self._first] = name
        return Vocabulary(behind, self._tables, {**self._renamed, **names})

    @property
    def other_names(self) -> Mapping[int, str]:
        """The names that `renamed` was given."""
        return self._renamed

    def joined(self, table: IdTable) -> "Vocabulary":
        """This vocabulary with the ids of a table, which it has not, behind."""
        own = self._ids[: self._size - self._first]
        return Vocabulary([], (*self._tables, *([IdTable.of(own)] if own else []), table), self._renamed)

    def save(self, folder: Path) -> None:
        """Write the ids in the order of their numbers, see `IdTable.save`."""
        IdTable.of(list(self)).save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read what `save` wrote: the ids are mapped into memory."""
        return cls([], [IdTable.load(folder)])
