"""Contributions of single features, added up to the four groups that a reader understands."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from recsys.config import FeatureGroup

GROUPS: tuple[FeatureGroup, ...] = get_args(FeatureGroup)


def by_group(contributions: NDArray[np.float64], groups: Sequence[FeatureGroup]) -> NDArray[np.float64]:
    """(n_rows, 4) sums of (n_rows, n_features) in the order of `GROUPS`."""
    columns = [[index for index, own in enumerate(groups) if own == group] for group in GROUPS]
    return np.stack([contributions[:, chosen].sum(axis=1) for chosen in columns], axis=1)
