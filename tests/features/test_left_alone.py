"""What the user was shown and left alone."""

import numpy as np
import pytest
from feature_world import CLICK, DAY, IMPRESSION, NAN, START, make_log, pairs_of

from features.kinds.impressions import UserItemShown
from features.state import EventState


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_what_was_shown_counts_until_the_user_acts_on_it(parts: int) -> None:
    rows = [
        *((0, item, IMPRESSION, START) for item in (0, 1, 2)),
        (0, 1, CLICK, START + 1),
        *((0, item, IMPRESSION, START + DAY) for item in (0, 1)),
        (1, 3, IMPRESSION, START + DAY),
        *((0, item, IMPRESSION, START + 2 * DAY) for item in (0, 4)),  # at the moment of the request
    ]
    state = EventState()
    for part in np.array_split(np.array(rows), parts):
        state.append(make_log([tuple(row) for row in part.tolist()]))
    pairs = pairs_of(state, [0, -1], [START + 2 * DAY, START + 2 * DAY])
    never = [0] * 6
    assert UserItemShown("times").values(pairs).tolist() == [2, 1, 1, 0, 0, 0, *never]
    np.testing.assert_array_equal(UserItemShown("days").values(pairs), [1, 1, 2, NAN, NAN, NAN, *[NAN] * 6])
