"""Ragged arrays: rows of unequal length, concatenated."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def offsets_of(lengths: ArrayLike) -> NDArray[np.int64]:
    """(n + 1,) where each row's entries start, of rows with these (n,) lengths.

    Where `chosen` (n_entries,) says which entries stay, `offsets_of(chosen)[offsets]` is where each row's start then.
    """
    counts = np.asarray(lengths, dtype=np.int64)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def rows_of_entries(offsets: NDArray[np.integer]) -> NDArray[np.int64]:
    """(n_entries,) the row of each entry, of rows whose entries start at `offsets` (n + 1,)."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def indices_within(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """(n_entries,) the index of each entry in its row, from 0, where `rows` (n_entries,) never fall."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)


def entries(offsets: NDArray[np.integer], rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of some rows lie.

    Args:
        offsets: (n + 1,) where each row's entries start.
        rows: (m,) rows, in any order and as often as wanted.

    Returns:
        (n_entries,) their indices, and (m,) how many entries each row has.
    """
    starts = offsets[rows].astype(np.int64)
    lengths = offsets[rows + 1] - starts
    return ranges(starts, lengths), lengths


def ranges(starts: NDArray[np.integer], lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """(lengths.sum(),) the whole numbers from each of `starts` (n,), as many as its length (n,) says, in turn."""
    ends = offsets_of(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
