"""Counts in messages."""

import pytest

from recsys.counts import counted


@pytest.mark.parametrize(
    ("n", "words", "expected"),
    [
        (1, ("event",), "1 event"),
        (0, ("event",), "0 events"),
        (3_412, ("event",), "3,412 events"),
        (1, ("entry is", "entries are"), "1 entry is"),
        (2, ("entry is", "entries are"), "2 entries are"),
    ],
)
def test_one_thing_or_several(n: int, words: tuple[str, ...], expected: str) -> None:
    assert counted(n, *words) == expected
