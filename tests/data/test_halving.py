"""What does not fit is found among many, and all else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.items.halving import take_fitting
from recsys.errors import DataError


def take(state: tuple[int, ...], numbers: list[int]) -> tuple[int, ...]:
    if any(number < 0 for number in numbers):
        raise DataError("a number is below 0")
    return (*state, *numbers)


@given(st.lists(st.integers(-3, 10), min_size=1, max_size=40))
def test_all_but_the_wrong_ones_are_taken_in_their_order(numbers: list[int]) -> None:
    refused: list[tuple[int, str]] = []
    found = take_fitting((), numbers, take, lambda number, error: refused.append((number, str(error))))
    assert found == tuple(number for number in numbers if number >= 0)
    assert refused == [(number, "a number is below 0") for number in numbers if number < 0]


def test_where_all_fit_they_are_taken_at_once() -> None:
    calls: list[int] = []
    take_fitting(None, range(1_000), lambda _, some: calls.append(len(some)), lambda *_: pytest.fail("all fit"))
    assert calls == [1_000]


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        take_fitting(0, [1, 0], lambda state, some: state + sum(1 // number for number in some), lambda *_: None)
