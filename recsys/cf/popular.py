"""Popularity that fades: what everybody wanted lately."""

from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array
from recsys.cf.model import LogModel
from recsys.config import CfConfig
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog
from recsys.moments import DAY
from recsys.retrieval.scores import SharedScores, best_of
from recsys.significance import SIGNIFICANT, standard_error

_HALF_LIVES = (3.0, 7.0, 30.0, 90.0, 365.0, 3650.0)
"""Days that are tried: tickets and adverts are of this week, books of all years."""

_USUAL = 30.0
"""Days where nothing says otherwise."""

_CLEARLY = 0.005
"""Least gain in the mean log-likelihood of an event that counts."""

_NEWEST = 0.1
"""Share of the signs of interest by which that is judged."""

_BY_CHANCE = 0.05
"""Share of the probability that is spread evenly over all items, so that one without popularity can be chosen too."""


class Popular(LogModel):
    """Summed event weights; an event counts half after `half_life_days`, seen from the last event of the log.

    Attributes:
        popularity: (n_items,) float32.
    """

    of_cold_items = "nothing"

    def __init__(self, popularity: NDArray[np.float32]) -> None:
        self.popularity = popularity

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """See `LogModel`."""
        worth = faded_weights(log, config)
        return cls(np.bincount(log.items, worth, minlength=log.n_items).astype(np.float32))

    def scores(self, histories: HistoryBatch) -> SharedScores:
        """The same for every request."""
        return SharedScores(self.popularity, self._order)

    @cached_property
    def _order(self) -> NDArray[np.int32]:
        return best_of(self.popularity, len(self.popularity)).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write the popularity."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "popular.npy", self.popularity)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(load_array(folder / "popular.npy"))


def faded_weights(log: InteractionLog, config: CfConfig) -> NDArray[np.float64]:
    """(n_events,) weights; an event counts half after `half_life_days`, seen from the last event of the log."""
    end = log.times[-1] if len(log) else 0
    half_lives = (end - log.times) / (DAY * (config.half_life_days or _USUAL))
    return np.asarray(log.weights * 0.5**half_lives)


def telling_half_life(log: InteractionLog) -> float:
    """Days after which an event counts half where popularity tells best what is chosen next.

    The popularity of the older signs of interest gives each of the newest ones a probability. The half-life whose mean
    log-likelihood is highest is taken, if it is higher than that of the usual one clearly, and by more than chance.
    """
    older, newer = older_and_newest(log)
    if not len(older):
        return _USUAL
    shares = {days: shares_of_all(older, CfConfig(half_life_days=days)) for days in _HALF_LIVES}
    found = {days: log_chances(of_all[newer.items], older.n_items) for days, of_all in shares.items()}
    best = max(found, key=lambda days: float(np.average(found[days], weights=newer.weights)))
    gains = found[best] - found[_USUAL]
    gain = float(np.average(gains, weights=newer.weights))
    return best if is_clear(gain, standard_error(gains)) else _USUAL


def is_clear(gain: float, error: float) -> bool:
    """Whether a gain in mean log-likelihood, with its standard error, is clear, and more than chance."""
    return gain > max(_CLEARLY, SIGNIFICANT * error)


def older_and_newest(log: InteractionLog) -> tuple[InteractionLog, InteractionLog]:
    """The signs of interest without the newest tenth, and that tenth, which the others are to predict."""
    signs = log.positive()
    start = int(len(signs) * (1 - _NEWEST))
    start = int(np.searchsorted(signs.times, signs.times[start])) if len(signs) else 0  # equal times stay together
    return signs.select(slice(0, start)), signs.select(slice(start, None))


def shares_of_all(log: InteractionLog, config: CfConfig) -> NDArray[np.float64]:
    """(n_items,) share of each item in the popularity of all; 0 where there is none."""
    popularity = np.bincount(log.items, faded_weights(log, config), minlength=log.n_items)
    return np.asarray(popularity / max(popularity.sum(), np.finfo(float).tiny))


def log_chances(shares: NDArray[np.float64], n_items: int) -> NDArray[np.float64]:
    """(n,) log-probabilities of what was chosen, from the shares (n,) of these items in the popularity of all."""
    return np.asarray(np.log((1 - _BY_CHANCE) * shares + _BY_CHANCE / n_items))
