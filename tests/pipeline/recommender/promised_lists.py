"""Lists of one user, and what every list promises."""

import numpy as np

from recsys.data.requests.request import Request
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.recommend import Recommender

USER = "user 1"


def check(found: ItemList, n: int) -> None:
    """What every list promises."""
    assert len(found) == n
    assert len(set(found.ids)) == n
    for values in (found.scores, found.p_click, found.p_purchase):
        assert values.shape == (n,)
        assert values.dtype == np.float32
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.p_click > 0) & (found.p_click < 1)).all()
    assert (np.diff(found.p_click) <= 0).all()
    assert (found.p_purchase <= found.p_click).all()
    assert len(found.sources) == n


def ids(recommender: Recommender, **request: object) -> tuple[str, ...]:
    return recommender.recommend(Request(**request)).ids  # type: ignore[arg-type]


def same(one: ItemList, other: ItemList) -> None:
    assert one.ids == other.ids
    assert one.sources == other.sources
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
