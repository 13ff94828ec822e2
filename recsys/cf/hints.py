"""Acts of weight 0 may still hint at what is wanted: who looked at a category often chooses from it later.

Where views have the weight 0, so that lists follow what is bought, models that read positive events alone would learn
from a few purchases, and users who have bought nothing yet would have no history.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.config import REJECTIONS
from recsys.data.groups.membership import Groups
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.visits import VISIT

_LEAST_SHARE = 0.01
"""Of the acts, that a kind must have."""

_FEWEST = 100
"""Positive events that must come after acts of a kind."""

_MOST = 200_000
"""Positive events that are looked at, the newest ones."""

_FILE = "hints.npy"


@dataclass(frozen=True)
class Hints:
    """How much acts of weight 0 count as evidence of a user's interests. They are never targets.

    Attributes:
        weights: (n_event_names,) float32 by kind: at most the weight of the least positive event; 0 for positive events
            themselves, rejections, and kinds that hint at nothing. Empty: no kind does.
    """

    weights: NDArray[np.float32]

    @classmethod
    def none(cls) -> Self:
        """No act hints at anything."""
        return cls(np.zeros(0, dtype=np.float32))

    @classmethod
    def of(cls, log: InteractionLog, groups: Groups | None) -> Self:
        """Learn them from a log that is already cut in time.

        A kind counts in proportion to how much more a user's next positive event, of a later visit, has in common
        with the item of the act than one of another user has; a positive event in its place counts 1.

        Args:
            groups: of the items, such as their categories. An item has its groups and itself in common with another.
        """
        kinds = list(_kinds_of_weight_0(log))
        positive = log.positive()
        if not kinds or not len(positive):
            return cls.none()
        common = _InCommon.of(log.n_items, groups)
        newest = _acts(positive.select(slice(max(len(positive) - _MOST, 0), None)))
        of_positives, error_of_positives = common.excess(newest, _acts(positive))
        weights = np.zeros(len(log.event_names), dtype=np.float32)
        for kind in kinds:
            excess, error = common.excess(newest, _acts(log.select(log.events == kind)))
            if excess > 2 * error:
                usual = of_positives if of_positives > 2 * error_of_positives else excess
                weights[kind] = min(excess / usual, 1.0) * positive.weights.min()
        return cls(weights) if weights.any() else cls.none()

    def of_histories(self, histories: HistoryBatch) -> HistoryBatch:
        """The histories, in which acts of weight 0 have the weights of their hints."""
        weights = self._weights_of(histories.events, histories.weights)
        return histories if weights is None else replace(histories, weights=weights)

    def of_log(self, log: InteractionLog) -> InteractionLog:
        """The log, likewise."""
        weights = self._weights_of(log.events, log.weights)
        return log if weights is None else replace(log, weights=weights)

    def _weights_of(self, kinds: NDArray[np.int8], weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(n_events,) the weight of each event, hints included; None where there is no hint."""
        if not len(self.weights):
            return None
        hinting = (weights == 0) & (kinds >= 0) & (kinds < len(self.weights))
        if not hinting.any():
            return None
        return np.where(hinting, self.weights[np.where(hinting, kinds, 0)], weights)

    def save(self, folder: Path) -> None:
        """Write them."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / _FILE, self.weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; none where it wrote nothing."""
        return cls(load_array(folder / _FILE)) if (folder / _FILE).exists() else cls.none()


def _kinds_of_weight_0(log: InteractionLog) -> Iterator[int]:
    """Numbers of the frequent kinds of acts that are never positive, and no rejection either."""
    acts = ~log.is_impression
    counts = np.bincount(log.events[acts], minlength=len(log.event_names))
    n_positives = np.bincount(log.events[log.weights > 0], minlength=len(log.event_names))
    for kind in np.flatnonzero((counts > _LEAST_SHARE * acts.sum()) & (n_positives == 0)).tolist():
        if log.event_names[kind].lower() not in REJECTIONS:
            yield kind


def _acts(log: InteractionLog) -> pl.DataFrame:
    """In order of time."""
    return pl.DataFrame({"user": log.users, "time": log.times, "item": log.items})


@dataclass(frozen=True)
class _InCommon:
    """What items have in common.

    Attributes:
        members: (n_items, n_groups) CSR; rare groups weigh more, so that two items have in common the sum of the
            information (-log share) of the groups that both are in.
    """

    members: sp.csr_matrix

    @classmethod
    def of(cls, n_items: int, groups: Groups | None) -> "_InCommon":
        itself = sp.identity(n_items, dtype=np.float32, format="csr") * np.sqrt(np.log(max(n_items, 2)))
        if groups is None:
            return cls(itself)
        information = np.log(n_items / np.maximum(groups.sizes, 1)).clip(min=0)
        informative = groups.members @ sp.diags_array(np.sqrt(information))
        return cls(sp.csr_matrix(sp.hstack([itself, informative], format="csr", dtype=np.float32)))

    def excess(self, later: pl.DataFrame, earlier: pl.DataFrame) -> tuple[float, float]:
        """How much more the item of an act has in common with that of the same user's newest earlier one, of another
        visit, than with that of another user's; and the standard error. 0 and infinity where there are few."""
        before = earlier.rename({"item": "earlier"}).with_columns(pl.col("time") + VISIT)
        pairs = later.join_asof(before, on="time", by="user", check_sortedness=False).drop_nulls("earlier")
        if len(pairs) < _FEWEST:
            return 0.0, np.inf
        chosen, acted = self.members[pairs["item"].to_numpy()], pairs["earlier"].to_numpy()
        others = np.random.default_rng(0).permutation(acted)
        more = np.asarray(chosen.multiply(self.members[acted] - self.members[others]).sum(axis=1)).ravel()
        return float(more.mean()), float(more.std() / np.sqrt(len(more)))
