"""Three windows by time."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs_by_hand import log_of

from recsys.config import DataConfig
from recsys.data.log.interactions import InteractionLog
from recsys.data.split import TemporalSplit
from recsys.errors import DataError


def log_at(times: list[int], weights: list[float] | None = None) -> InteractionLog:
    """One user, one item, an event at each time."""
    columns = {"times": sorted(times), "weights": weights or [1.0] * len(times)}
    return log_of(columns, users=["user"], names=["click"], n_items=1)


@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=60).filter(lambda times: len(set(times)) >= 3),
    st.floats(0, 0.5, exclude_min=True, exclude_max=True),
    st.floats(0, 0.5, exclude_min=True),
    st.none() | st.integers(-5, 40),
)
def test_each_window_holds_events_and_none_shares_a_moment(
    times: list[int], test: float, ranker: float, start: int | None
) -> None:
    log = log_at(times)
    split = TemporalSplit.of(log, DataConfig(test_fraction=test, ranker_fraction=ranker), start)
    windows = [log.before(split.ranker_start), log.between(split.ranker_start, split.test_start)]
    windows.append(log.between(split.test_start, split.end))
    assert all(len(window) for window in windows)
    assert sum(len(window) for window in windows) == len(log)
    for earlier, later in pairwise(windows):
        assert earlier.times[-1] < later.times[0]


def test_shares_are_as_configured() -> None:
    split = TemporalSplit.of(log_at(list(range(100))), DataConfig(test_fraction=0.1, ranker_fraction=0.2))
    assert (split.ranker_start, split.test_start, split.end) == (70, 90, 100)


def test_a_given_start_of_the_test_is_kept() -> None:
    split = TemporalSplit.of(log_at(list(range(100))), DataConfig(ranker_fraction=0.1, test_fraction=0.1), 50)
    assert split.test_start == 50
    assert 40 <= split.ranker_start < 50


@pytest.mark.parametrize("times", [[], [1], [1, 2], [1, 1, 1, 2, 2, 2]])
def test_fewer_than_three_moments_cannot_be_split(times: list[int]) -> None:
    with pytest.raises(DataError, match=r"at \d distinct times?; three are needed"):
        TemporalSplit.of(log_at(times), DataConfig())


def test_only_positive_events_count() -> None:
    log = log_at([1, 2, 3, 4, 5], [1.0, 0.0, 0.0, 0.0, 1.0])
    with pytest.raises(DataError, match="at 2 distinct times"):
        TemporalSplit.of(log, DataConfig())
    later = replace(log, weights=np.array([1, 1, 1, 0, 0], dtype=np.float32))
    assert TemporalSplit.of(later, DataConfig()) == TemporalSplit(2, 3, 6)
