"""Which setting of discovery is chosen, by curves made by hand."""

import pytest

from recsys.eval.dial import DialPoint, worthwhile_discovery

DIALS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
RISING = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Share of the positions of hardly known items at each setting."""


def curve(*ndcg: float, hardly_known: tuple[float, ...] = RISING, n_requests: int = 100) -> list[DialPoint]:
    points = zip(DIALS, ndcg, hardly_known, strict=True)
    return [DialPoint(dial, mean, 0.0, share, n_requests) for dial, mean, share in points]


@pytest.mark.parametrize(
    ("ndcg", "dial"),
    [
        ((0.2,) * 7, 0.5),  # no further by itself
        ((0.2, 0.1998, 0.1984, 0.1946, 0.190, 0.18, 0.17), 0.3),  # a tenth of 30 % of .2 may be lost
        ((0.2, 0.197, 0.199, 0.198, 0.197, 0.194, 0.19), 0.5),  # .197 is bad luck, by what all others cost
        ((0.2, 0.196, 0.190, 0.184, 0.176, 0.2, 0.15), 0.0),  # and .2 is good luck
        ((0.2, 0.18, 0.175, 0.174, 0.173, 0.172, 0.171), 0.0),  # the first positions cost most: no line falls
        ((0.0,) * 7, 0.0),
    ],
)
def test_discovery_goes_as_far_as_its_positions_earn_nearly_what_others_do(
    ndcg: tuple[float, ...], dial: float
) -> None:
    assert worthwhile_discovery([curve(*ndcg)]) == dial


def test_windows_count_as_their_requests_do() -> None:
    up, down = (0.2, *[0.22] * 6), (0.2, *[0.18] * 6)
    assert worthwhile_discovery([curve(*up, n_requests=300), curve(*down)]) == 0.5
    assert worthwhile_discovery([curve(*up), curve(*down, n_requests=300)]) == 0.0


def test_where_next_to_nothing_is_hardly_known_nothing_shows_what_discovery_will_cost() -> None:
    few = (0.0, 0.0, 0.001, 0.002, 0.008, 0.018, 0.04)
    assert worthwhile_discovery([curve(*[0.2] * 7, hardly_known=few)]) == 0.0
    more = (0.0, 0.0, 0.001, 0.002, 0.021, 0.03, 0.04)
    assert worthwhile_discovery([curve(*[0.2] * 7, hardly_known=more)]) == 0.5


def test_no_requests_show_nothing() -> None:
    assert worthwhile_discovery([]) == worthwhile_discovery([(), ()]) == 0.0
    assert worthwhile_discovery([(), curve(*[0.2] * 7)]) == 0.5
