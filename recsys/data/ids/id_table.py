"""Many ids in a few arrays, which can be mapped into memory: processes on one machine share their pages."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.arrays.ragged import offsets_of


@dataclass(frozen=True)
class IdTable:
    """Distinct ids, found by number and by name: a hash table whose entries stand bucket by bucket.

    Attributes:
        text: (n_bytes,) uint8 all ids in UTF-8, one behind the other.
        starts: (n + 1,) int64 where each begins in `text`.
        buckets: (n_buckets + 1,) int32 where each bucket begins in `members`; n_buckets is a power of two.
        members: (n,) int32 numbers of the ids, by bucket.
    """

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    buckets: NDArray[np.int32]
    members: NDArray[np.int32]

    @classmethod
    def of(cls, ids: Sequence[str]) -> "IdTable":
        """A table of distinct ids; the number of an id is its index."""
        encoded = [_encoded(id_) for id_ in ids]
        n_buckets = 1 << max(len(encoded) - 1, 0).bit_length()
        own = np.array([zlib.crc32(id_) & (n_buckets - 1) for id_ in encoded], dtype=np.int64)
        return cls(
            text=np.frombuffer(b"".join(encoded), dtype=np.uint8),
            starts=offsets_of([len(id_) for id_ in encoded]),
            buckets=np.cumsum([0, *np.bincount(own, minlength=n_buckets)], dtype=np.int32),
            members=np.argsort(own, kind="stable").astype(np.int32),
        )

    def __len__(self) -> int:
        return len(self.members)

    def number(self, id_: str) -> int:
        """The number of an id, -1 where the table has no such id."""
        text, starts, buckets, members = self._views
        wanted = _encoded(id_)
        bucket = zlib.crc32(wanted) & (len(buckets) - 2)
        for number in members[buckets[bucket] : buckets[bucket + 1]]:
            if text[starts[number] : starts[number + 1]] == wanted:
                return int(number)
        return -1

    def id(self, number: int) -> str:
        """The id of a number in [0, len)."""
        text, starts, _, _ = self._views
        return str(text[starts[number] : starts[number + 1]], "utf-8", "surrogatepass")

    @cached_property
    def _views(self) -> tuple[memoryview, memoryview, memoryview, memoryview]:
        """The arrays as Python reads single elements fastest."""
        return self.text.data, self.starts.data, self.buckets.data, self.members.data

    def save(self, folder: Path) -> None:
        """Write one .npy file an array into `folder`, which is made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            save_array(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: Path) -> "IdTable":
        """Read what `save` wrote; the arrays are mapped into memory."""
        return cls(*(load_array(folder / f"{field.name}.npy") for field in fields(cls)))


def _encoded(id_: str) -> bytes:
    return id_.encode("utf-8", "surrogatepass")
