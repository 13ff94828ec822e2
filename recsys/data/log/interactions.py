"""The event log as numbers: one array a column, in time order, about 38 bytes an event."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.data.ids.vocabulary import Vocabulary
from recsys.errors import DataError

NO_TIME = np.iinfo(np.int64).min
"""Time of an event whose moment is not known (a history given as ids only)."""

HARDLY_KNOWN = 5
"""An item with fewer positive events than these is hardly known: cold in reports, listed more often by discovery."""

COLUMNS = {
    "users": np.int32,
    "items": np.int32,
    "events": np.int8,
    "times": np.int64,
    "weights": np.float32,
    "values": np.float32,
    "requests": np.int32,
    "positions": np.int16,
    "propensities": np.float32,
}
"""Columns of a log and their types, in the order of its attributes."""

_COLUMNS_FOLDER = "columns"


@dataclass(frozen=True)
class InteractionLog:
    """Events in time order (equal times keep their order in the file). All arrays are (n_events,).

    Attributes:
        users, items: numbers; items are in [0, n_items).
        events: number of the event's name in `event_names`.
        times: microseconds since 1970 UTC.
        weights: by the config; above 0 for positive events, 0 for others (an impression, a bad rating).
        values: rating, price, quantity, ...; NaN where there is none.
        requests: number of the request_id, -1 where there is none.
        positions: in the list that was shown, from 0; -1 where unknown.
        propensities: probability with which the item was put there; NaN where unknown.
        request_keys: (n_requests,) uint64 what later events know a request by, see `request_keys`; 0 where its id
            is not known, and empty for a log that nothing will be added to.
    """

    user_vocabulary: Vocabulary
    event_names: tuple[str, ...]
    n_items: int
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    events: NDArray[np.int8]
    times: NDArray[np.int64]
    weights: NDArray[np.float32]
    values: NDArray[np.float32]
    requests: NDArray[np.int32]
    positions: NDArray[np.int16]
    propensities: NDArray[np.float32]
    request_keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    def __post_init__(self) -> None:
        if np.any(np.diff(self.times) < 0):
            raise DataError("an interaction log must be in time order; sort it by time")

    @classmethod
    def empty(cls, n_items: int) -> "InteractionLog":
        """A log without events, users and names."""
        columns = {name: np.zeros(0, dtype=dtype) for name, dtype in COLUMNS.items()}
        return cls(Vocabulary([]), (), n_items, **columns)

    def __len__(self) -> int:
        return len(self.times)

    def with_own_requests(self) -> "InteractionLog":
        """This log with requests of one user each: events of two users under the same request_id are two requests.

        No later events can be added to it: it no longer knows the request_id of its requests.
        """
        keys = self.users * np.int64(2**32) + self.requests
        numbers = np.unique(keys, return_inverse=True)[1].astype(np.int32)
        own = np.where(self.requests >= 0, numbers, np.int32(-1))
        return replace(self, requests=own, request_keys=np.zeros(0, dtype=np.uint64))

    @property
    def n_users(self) -> int:
        return len(self.user_vocabulary)

    @property
    def is_impression(self) -> NDArray[np.bool_]:
        """(n_events,) True where the item was only shown."""
        if "impression" not in self.event_names:
            return np.zeros(len(self), dtype=bool)
        return np.equal(self.events, self.event_names.index("impression"))

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "InteractionLog":
        """The chosen events (a mask, increasing indices or a slice); numbers keep their meaning."""
        columns = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return replace(self, **columns)

    def before(self, time: int) -> "InteractionLog":
        """Events strictly before `time` (microseconds)."""
        return self.select(slice(0, int(np.searchsorted(self.times, time, side="left"))))

    def after(self, time: int | None) -> "InteractionLog":
        """Events strictly after `time` (microseconds); all of them for None."""
        return self if time is None else self.select(slice(int(np.searchsorted(self.times, time, side="right")), None))

    def between(self, start: int, end: int) -> "InteractionLog":
        """Events with start <= time < end (microseconds)."""
        first, last = np.searchsorted(self.times, [start, end], side="left")
        return self.select(slice(int(first), int(last)))

    def positive(self) -> "InteractionLog":
        """The positive events: weight above 0."""
        return self.select(self.weights > 0)

    @property
    def act_weights(self) -> NDArray[np.float32]:
        """The distinct weights of acts, increasing."""
        return np.unique(self.weights[~self.is_impression])

    @property
    def typical_weight(self) -> float:
        """Weight of an event of unknown name, as in a history given as ids: the median weight of the positive
        events."""
        positive = self.weights[self.weights > 0]
        return float(np.median(positive)) if len(positive) else 1.0

    @classmethod
    def mapped(
        cls, folder: Path, user_vocabulary: Vocabulary, event_names: tuple[str, ...], n_items: int
    ) -> "InteractionLog":
        """A log whose columns are in a folder, a .npy file each, mapped into memory."""
        columns = {name: load_array(folder / f"{name}.npy") for name in COLUMNS}
        return cls(user_vocabulary, event_names, n_items, **columns)

    def save(self, folder: Path) -> None:
        """Write columns/ (a .npy file each) and what `save_names` writes."""
        (folder / _COLUMNS_FOLDER).mkdir(parents=True, exist_ok=True)
        for name in COLUMNS:
            save_array(folder / _COLUMNS_FOLDER / f"{name}.npy", getattr(self, name))
        self.save_names(folder)

    def save_names(self, folder: Path) -> None:
        """Write users/ (vocabulary), event_names.parquet and requests.npy: what the columns' numbers mean."""
        folder.mkdir(parents=True, exist_ok=True)
        self.user_vocabulary.save(folder / "users")
        pl.DataFrame({"id": self.event_names}, schema={"id": pl.String}).write_parquet(folder / "event_names.parquet")
        if len(self.request_keys):
            save_array(folder / "requests.npy", self.request_keys)

    @classmethod
    def load(cls, folder: Path, n_items: int) -> "InteractionLog":
        """Read what `save` wrote; its columns are mapped into memory."""
        users, names = cls.load_names(folder)
        earlier = folder / "events.parquet"  # of a release that wrote all columns into one file
        if earlier.exists():
            frame = pl.read_parquet(earlier, glob=False)
            columns = {name: frame[name].to_numpy().astype(dtype, copy=False) for name, dtype in COLUMNS.items()}
            log = cls(users, names, n_items, **columns)
        else:
            log = cls.mapped(folder / _COLUMNS_FOLDER, users, names, n_items)
        keys = folder / "requests.npy"
        return replace(log, request_keys=load_array(keys)) if keys.exists() else log

    @staticmethod
    def load_names(folder: Path) -> tuple[Vocabulary, tuple[str, ...]]:
        """Users and names of events, as `save_names` wrote them."""
        names = pl.read_parquet(folder / "event_names.parquet", glob=False)["id"].to_list()
        earlier = folder / "users.parquet"  # of a release that wrote ids as a column
        if earlier.exists():
            return Vocabulary(pl.read_parquet(earlier, glob=False)["id"].to_list()), tuple(names)
        return Vocabulary.load(folder / "users"), tuple(names)


def request_keys(ids: Iterable[str]) -> NDArray[np.uint64]:
    """(n,) 64 bits of the hash of each id. In one of forty logs with a billion ids, two of them have the same key."""
    digests = [hashlib.blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8).digest() for id_ in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


assert list(COLUMNS) == [column.name for column in fields(InteractionLog)][3:-1]
