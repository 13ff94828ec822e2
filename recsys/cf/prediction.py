"""How well popularity predicts what is chosen next: that decides how fast popularity fades, and whether times matter.

The older positive events predict the newest tenth of them.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.cf.popular import USUAL_HALF_LIFE, faded_weights
from recsys.config import CfConfig
from recsys.data.log.interactions import InteractionLog
from recsys.significance import SIGNIFICANT, standard_error

_HALF_LIVES = (3.0, 7.0, 30.0, 90.0, 365.0, 3650.0)
"""Days that are tried: tickets and adverts are of this week, books of all years."""

_CLEARLY = 0.005
"""Least gain in the mean log-likelihood of an event that counts."""

_NEWEST = 0.1
"""Share of the positive events that are predicted."""

_BY_CHANCE = 0.05
"""Share of the probability that is spread evenly over all items, so that one without popularity can be chosen too."""


def best_half_life(log: InteractionLog) -> float:
    """The half-life, days, with which popularity best predicts what is chosen next.

    The popularity of the older positive events gives each of the newest ones a probability. The half-life whose mean
    log-likelihood is highest is taken, if it beats the usual one clearly and by more than chance.
    """
    older, newer = older_and_newest(log)
    if not len(older):
        return USUAL_HALF_LIFE
    shares = {days: shares_of_all(older, CfConfig(half_life_days=days)) for days in _HALF_LIVES}
    found = {days: log_chances(share[newer.items], older.n_items) for days, share in shares.items()}
    best = max(found, key=lambda days: float(np.average(found[days], weights=newer.weights)))
    gains = found[best] - found[USUAL_HALF_LIFE]
    gain = float(np.average(gains, weights=newer.weights))
    return best if is_clear(gain, standard_error(gains)) else USUAL_HALF_LIFE


def is_clear(gain: float, error: float) -> bool:
    """Whether a gain in mean log-likelihood with this standard error is clear, and more than chance."""
    return gain > max(_CLEARLY, SIGNIFICANT * error)


def older_and_newest(log: InteractionLog) -> tuple[InteractionLog, InteractionLog]:
    """The positive events without the newest tenth, and that tenth, which the others are to predict."""
    positive = log.positive()
    if not len(positive):
        return positive, positive
    first = positive.times[int(len(positive) * (1 - _NEWEST))]
    start = int(np.searchsorted(positive.times, first))  # equal times stay together
    return positive.select(slice(0, start)), positive.select(slice(start, None))


def shares_of_all(log: InteractionLog, config: CfConfig) -> NDArray[np.float64]:
    """(n_items,) share of each item in the popularity of all; 0 where there is none."""
    popularity = np.bincount(log.items, faded_weights(log, config), minlength=log.n_items)
    return np.asarray(popularity / max(popularity.sum(), np.finfo(float).tiny))


def log_chances(shares: NDArray[np.float64], n_items: int) -> NDArray[np.float64]:
    """(n,) log-probabilities of what was chosen, from the shares (n,) of these items in the popularity of all."""
    return np.asarray(np.log((1 - _BY_CHANCE) * shares + _BY_CHANCE / n_items))
