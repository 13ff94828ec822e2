"""Data drift: how far new data differ from the window before, in users, kinds of events, categories, prices, values.

A change that no shop makes between two trainings is a fault of the data; the limits are those of `[retrain]`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.config import RetrainConfig
from recsys.data.dataset import Dataset
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Check

FEW = 50
"""Fewer values than this say nothing of a distribution."""


def new_users(past: InteractionLog, last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Check:
    """Users nobody has seen before: a changed key or format of the ids makes everybody new."""
    before = past.select(slice(0, len(past) - len(last)))
    if min(len(before), len(last), len(new)) < FEW:
        return Check("new users", True, "too few events to compare")
    now = float(np.mean(~np.isin(new.users, past.users)))
    then = float(np.mean(~np.isin(last.users, before.users)))
    words = f"{now:.0%} of the new events are by users never seen before, {then:.0%} in the last window"
    return Check(
        "new users", now - then <= config.max_new_users, f"{words}; a rise of {config.max_new_users:.0%} is allowed"
    )


def busiest_user(last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Check:
    """Whether the events are still those of many users: a program, or one id for all guests, says nothing of what
    people want. The user is not named, because the history of decisions outlives users; the store has the events."""
    if min(len(last), len(new)) < FEW:
        return Check("one user", True, "too few events to compare")
    then, now = (float(np.bincount(log.users).max() / len(log)) for log in (last, new))
    words = f"one user makes {now:.0%} of the new events; {then:.0%} in the last window"
    return Check("one user", now - then <= config.max_drift, f"{words}; a rise of {config.max_drift:.0%} is allowed")


def mixtures(dataset: Dataset, last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """Kinds of events, and categories of the items, of what users did."""
    categories = dataset.catalogue.codes("category")
    for name, then, now in (
        ("events", last.events.astype(np.int64), new.events.astype(np.int64)),
        ("categories", categories[last.items].astype(np.int64), categories[new.items].astype(np.int64)),
    ):
        if min(len(then), len(now)) < FEW:
            continue
        distance = _distance(then, now)
        words = f"{distance:.0%} of the events would have to change to match the last window"
        yield Check(f"mix of {name}", distance <= config.max_drift, f"{words}; {config.max_drift:.0%} are allowed")


def _distance(then: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Total variation distance of two samples of codes from -1."""
    size = int(max(then.max(), now.max())) + 2
    shares = [np.bincount(codes + 1, minlength=size) / len(codes) for codes in (then, now)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def prices(champion: Bundle, dataset: Dataset, config: RetrainConfig) -> Check:
    """Prices of items that the version knows: the same items, so that a few are enough."""
    known = len(champion.catalogue)
    before = champion.catalogue.frame["price"].to_numpy().astype(np.float64)
    after = dataset.catalogue.frame["price"].to_numpy().astype(np.float64)[:known]
    few = min(FEW, max(1, int(np.count_nonzero(before > 0)) // 2))
    return _scale("prices", "price of known items", before, after, few, config)


def values(last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """Values of each kind of event."""
    for code, name in enumerate(new.event_names):
        then, now = last.values[last.events == code], new.values[new.events == code]
        yield _scale(f"values of {name}", f"value of {name}", then, now, FEW, config)


def _scale(
    name: str, what: str, then: NDArray[np.floating], now: NDArray[np.floating], few: int, config: RetrainConfig
) -> Check:
    """The median of the values above 0, and how many are: a program that finds no number often writes 0."""
    then, now = then[np.isfinite(then)], now[np.isfinite(now)]
    above = [float(np.mean(values > 0)) if len(values) >= few else 0.0 for values in (then, now)]
    if len(now) >= few and above[0] - above[1] > config.max_drift:
        words = f"{above[1]:.0%} of the {what} is above 0, {above[0]:.0%} before"
        return Check(name, False, f"{words}; a loss of {config.max_drift:.0%} is allowed")
    then, now = then[then > 0], now[now > 0]
    if min(len(then), len(now)) < few:
        return Check(name, True, "too few to compare")
    factor = float(np.median(now) / np.median(then))
    words = f"the median {what} is {factor:.3g} times what it was; a factor of {config.max_scale:g} is allowed"
    return Check(name, 1 / config.max_scale <= factor <= config.max_scale, words)
