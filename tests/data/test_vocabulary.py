"""Vocabularies that grow from one another, made of ids or loaded."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.data.ids.id_table import IdTable
from recsys.data.ids.vocabulary import Vocabulary

Make = Callable[[Sequence[str]], Vocabulary]


@pytest.fixture(params=["made", "loaded"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def loaded(ids: Sequence[str]) -> Vocabulary:
        Vocabulary(ids).save(tmp_path)
        return Vocabulary.load(tmp_path)

    return Vocabulary if request.param == "made" else loaded


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(ids=st.lists(st.text(), unique=True), others=st.lists(st.text()))
def test_ids_have_the_numbers_of_their_places(make: Make, ids: list[str], others: list[str]) -> None:
    vocabulary = make(ids)
    assert len(vocabulary) == len(ids)
    assert vocabulary.ids(range(len(ids))) == ids
    assert vocabulary.numbers(ids).tolist() == list(range(len(ids)))
    assert vocabulary.numbers(others).tolist() == [ids.index(id_) if id_ in ids else -1 for id_ in others]
    grown = vocabulary.extended(others)
    assert list(grown) == list(dict.fromkeys([*ids, *others]))


def test_empty_vocabularies_and_half_surrogate_pairs_have_numbers(make: Make) -> None:
    assert len(make([])) == 0
    assert "a" not in make([])
    assert make(["", "\udc00"]).numbers(["\udc00", "", "\ud800"]).tolist() == [1, 0, -1]


def test_who_is_renamed_is_found_no_longer(make: Make) -> None:
    first = make(["a", "b", "c"]).extended(["d", "e"])
    second = first.renamed({1: "nobody 1", 3: "nobody 3"})
    assert second.ids(range(5)) == ["a", "nobody 1", "c", "nobody 3", "e"]
    assert second.numbers(["a", "b", "c", "d", "e"]).tolist() == [0, -1, 2, -1, 4]
    assert first.numbers(["b", "d"]).tolist() == [1, 3]
    third = second.extended(["d", "b"]).renamed({0: "nobody 0"})
    assert third.ids(range(7)) == ["nobody 0", "nobody 1", "c", "nobody 3", "e", "d", "b"]
    assert third.numbers(["a", "b", "d"]).tolist() == [-1, 6, 5]


def test_an_extended_vocabulary_leaves_the_first_as_it_was(make: Make) -> None:
    first = make(["a", "b"])
    second = first.extended(["b", "c", "c", "d"])
    assert (len(first), len(second)) == (2, 4)
    assert first.numbers(["a", "c", "d"]).tolist() == [0, -1, -1]
    assert second.numbers(["a", "c", "d"]).tolist() == [0, 2, 3]
    assert "c" not in first
    assert first.number("c") == -1
    with pytest.raises(IndexError):
        first.id(2)


def test_two_that_grow_from_one_go_different_ways(make: Make) -> None:
    first = make(["a"])
    left, right = first.extended(["l"]), first.extended(["r", "l"])
    assert list(left) == ["a", "l"]
    assert list(right) == ["a", "r", "l"]
    assert (left.number("r"), right.number("l"), first.number("l")) == (-1, 2, -1)
    assert left.extended(["a", "l"]) is left


def test_many_threads_may_extend_the_same_one(make: Make) -> None:
    first, found = make(["a"]), []

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
        ids = list(grown)
        assert len(ids) == 201
        assert np.array_equal(grown.numbers(ids), np.arange(201))


def test_ids_of_a_table_come_behind(make: Make) -> None:
    """Whoever was renamed in an earlier table may be in a later one, with a number of its own."""
    first = make(["a", "b"]).renamed({1: "nobody"})
    joined = first.joined(IdTable.of(["c", "b"]))
    assert joined.ids(range(4)) == ["a", "nobody", "c", "b"]
    assert joined.numbers(["a", "b", "c", "d"]).tolist() == [0, 3, 2, -1]
    assert dict(joined.other_names) == {1: "nobody"}
    again = joined.renamed({3: "gone"}).extended(["b", "d"])
    assert again.ids(range(6)) == ["a", "nobody", "c", "gone", "b", "d"]
    assert again.numbers(["b", "d", "c"]).tolist() == [4, 5, 2]
    assert first.extended(["x"]).joined(IdTable.of([])).joined(IdTable.of(["y"])).number("y") == 3
