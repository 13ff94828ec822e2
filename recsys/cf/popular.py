"""Popularity that fades: what everybody wanted lately."""

from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.cf.model import LogModel
from recsys.config import CfConfig
from recsys.data.items.item_past import ItemPast
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY
from recsys.retrieval.scores import SharedScores, best_of

USUAL_HALF_LIFE = 30.0
"""Days, where nothing says otherwise."""

_MOST_IDLE = 10.0
"""Most half-lives that a time without events counts for."""

_PAST, _CLOCK = "past.npy", "clock.npy"


class Popular(LogModel):
    """Summed event weights; an event counts half after `half_life_days`, seen from the last event of the log.

    Attributes:
        popularity: (n_items,) float32.
        past: what does not fade; None in a model of an earlier release.
    """

    of_cold_items = "nothing"

    def __init__(self, popularity: NDArray[np.float32], past: ItemPast | None = None) -> None:
        self.popularity, self.past = popularity, past

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """See `LogModel`."""
        weights = faded_weights(log, config)
        return cls(np.bincount(log.items, weights, minlength=log.n_items).astype(np.float32), ItemPast.of(log))

    def scores(self, histories: HistoryBatch) -> SharedScores:
        """The same for every request."""
        return SharedScores(self.popularity, self._order)

    @cached_property
    def _order(self) -> NDArray[np.int32]:
        return best_of(self.popularity, len(self.popularity)).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write the popularity and the past."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "popular.npy", self.popularity)
        if self.past is not None:
            past = self.past
            save_array(folder / _PAST, np.stack([past.counts, past.weights, past.firsts, past.lasts]))
            save_array(folder / _CLOCK, past.clock)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        past = None
        if (folder / _PAST).exists():
            counts, weights, firsts, lasts = load_array(folder / _PAST)
            past = ItemPast(counts, weights, firsts, lasts, load_array(folder / _CLOCK))
        return cls(load_array(folder / "popular.npy"), past)


def faded_weights(log: InteractionLog, config: CfConfig) -> NDArray[np.float64]:
    """(n_events,) weights; an event counts half after `half_life_days`, seen from the last event of the log.

    A time without events counts as `_MOST_IDLE` half-lives at most: where the last event comes years after the others,
    these would all count 0.
    """
    half_life = DAY * (config.half_life_days or USUAL_HALF_LIFE)
    end = log.times[-1] if len(log) else 0
    ages = end - log.times
    too_long = np.maximum(np.diff(log.times, append=end) - int(_MOST_IDLE * half_life), 0)
    if too_long.any():
        ages = ages - np.cumsum(too_long[::-1])[::-1]
    return np.asarray(log.weights * 0.5 ** (ages / half_life))
