"""Rows of different lengths, one behind the other."""

import numpy as np

from recsys.arrays.ragged import entries, indices_within, offsets_of, ranges, rows_of_entries


def test_places_begin_anew_in_each_row() -> None:
    rows = rows_of_entries(offsets_of([2, 0, 3]))
    assert rows.tolist() == [0, 0, 2, 2, 2]
    assert indices_within(rows).tolist() == [0, 1, 0, 1, 2]
    assert indices_within(rows[:0]).tolist() == []


def test_entries_of_rows_that_are_asked_for_twice_or_are_empty() -> None:
    places, lengths = entries(offsets_of([2, 0, 3]), np.array([2, 1, 0, 2]))
    assert places.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert lengths.tolist() == [3, 0, 2, 3]


def test_ranges_follow_one_another_and_may_overlap_or_be_empty() -> None:
    assert ranges(np.array([5, 0, 4]), np.array([2, 0, 3])).tolist() == [5, 6, 4, 5, 6]
    assert ranges(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []
