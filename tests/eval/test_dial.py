"""Which setting of the dials is chosen, by curves made by hand."""

import pytest

from recsys.eval.dial import DialPoint, costless_discovery

DIALS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def curve(ndcg: list[float], hardly_known: list[float] | None = None, n_requests: int = 100) -> list[DialPoint]:
    shares = hardly_known or [dial / 2 for dial in DIALS]
    return [DialPoint(*point, n_requests) for point in zip(DIALS, ndcg, [0.0] * 7, shares, strict=True)]


@pytest.mark.parametrize(
    ("ndcg", "dial"),
    [
        ([0.2] * 7, 0.5),  # no further by itself
        ([0.2, 0.21, 0.22, 0.2, 0.19, 0.23, 0.23], 0.3),  # what comes back behind a loss is luck
        ([0.2, 0.199, 0.22, 0.22, 0.22, 0.22, 0.22], 0.0),
    ],
)
def test_discovery_goes_as_far_as_no_setting_costs_ndcg(ndcg: list[float], dial: float) -> None:
    assert costless_discovery([curve(ndcg)]) == dial


def test_windows_count_as_their_requests_do() -> None:
    up, down = [0.2, 0.21, 0.21, 0.21, 0.21, 0.21, 0.21], [0.2, 0.19, 0.19, 0.19, 0.19, 0.19, 0.19]
    assert costless_discovery([curve(up, n_requests=300), curve(down)]) == 0.5
    assert costless_discovery([curve(up), curve(down, n_requests=300)]) == 0.0


def test_where_next_to_nothing_is_hardly_known_nothing_tells_what_discovery_will_cost() -> None:
    assert costless_discovery([curve([0.2] * 7, [0.0, 0.0, 0.001, 0.002, 0.004, 0.009, 0.02])]) == 0.0
    assert costless_discovery([curve([0.2] * 7, [0.0, 0.0, 0.001, 0.002, 0.011, 0.015, 0.02])]) == 0.5


def test_no_requests_tell_nothing() -> None:
    assert costless_discovery([]) == costless_discovery([(), ()]) == 0.0
    assert costless_discovery([(), curve([0.2] * 7)]) == 0.5
