"""Vocabularies that grow from one another."""

import threading
from pathlib import Path

import numpy as np
import pytest

from recsys.data.vocabulary import Vocabulary


def test_an_extended_vocabulary_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    first = Vocabulary(["a", "b"])
    second = first.extended(["b", "c", "c", "d"])
    assert (len(first), len(second)) == (2, 4)
    assert first.numbers(["a", "c", "d"]).tolist() == [0, -1, -1]
    assert second.numbers(["a", "c", "d"]).tolist() == [0, 2, 3]
    assert "c" not in first
    assert first.number("c") == -1
    with pytest.raises(IndexError):
        first.id(2)
    first.save(tmp_path / "first.parquet")
    again = Vocabulary.load(tmp_path / "first.parquet")
    assert again.ids(range(len(again))) == ["a", "b"]


def test_two_that_grow_from_one_go_different_ways() -> None:
    first = Vocabulary(["a"])
    left, right = first.extended(["l"]), first.extended(["r", "l"])
    assert left.ids(range(len(left))) == ["a", "l"]
    assert right.ids(range(len(right))) == ["a", "r", "l"]
    assert (left.number("r"), right.number("l"), first.number("l")) == (-1, 2, -1)
    assert left.extended(["a", "l"]) is left


def test_many_threads_may_extend_the_same_one() -> None:
    first, found = Vocabulary(["a"]), []

    def extend(name: str) -> None:
        grown = first
        for number in range(200):
            grown = grown.extended([f"{name}{number}"])
        found.append(grown)

    threads = [threading.Thread(target=extend, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for grown in found:
        ids = grown.ids(range(len(grown)))
        assert len(ids) == 201
        assert np.array_equal(grown.numbers(ids), np.arange(201))
