"""From interest logits to probabilities, fitted on the newest part of the log (Platt, 1999).

Pairs have weights here, because a drawn negative stands for many; and there may be so few that priors must steady the
fit. Scores of the ranker have a calibration of their own, see `recsys.rank.score_calibration`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from recsys.data.log.interactions import InteractionLog
from recsys.text.examples import EventColumns, Examples
from recsys.text.scoring import Scorer

_MOST_REQUESTS, _NEGATIVES = 2_000, 50
"""Most requests that are looked at, and items drawn beside what each wanted."""

_MOST_IMPRESSIONS = 20_000
"""Most impressions that are looked at, where the log has any."""

_PRECISION = np.array([10.0, 1e-4])
"""Precision (1 / variance) of the normal priors of slope and intercept."""


@dataclass(frozen=True)
class LogitCalibration:
    """p = 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float

    @classmethod
    def fit(
        cls,
        logits: NDArray[np.float32],
        labels: NDArray[np.bool_],
        weights: NDArray[np.float64],
        expected_slope: float = 1.0,
    ) -> "LogitCalibration":
        """Weighted logistic regression on one feature, with normal priors around the slope that is expected and the
        rate that was counted.

        So a handful of positives hardly moves the slope, and some dozens do.

        Args:
            logits, labels, weights: (n_pairs,) as in `LabelledPairs`.
        """
        rate = float(np.clip((labels @ weights + 1e-3) / (weights.sum() + 1.0), 1e-6, 1.0 - 1e-6))
        base = float(np.log(rate / (1.0 - rate)))
        if not len(logits):
            return cls(expected_slope, base)
        centre = float(np.average(logits, weights=weights))
        x = logits.astype(np.float64) - centre
        prior = np.array([expected_slope, base])

        def loss(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            z = solution[0] * x + solution[1]
            missed = weights * (expit(z) - labels)
            value = weights @ (np.logaddexp(0.0, z) - labels * z) + 0.5 * (_PRECISION * (solution - prior) ** 2).sum()
            slopes = np.array([missed @ x, missed.sum()]) + _PRECISION * (solution - prior)
            return float(value) / weights.sum(), slopes / weights.sum()

        found = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-10}).x
        slope = max(float(found[0]), 1e-3)  # it must not turn the order round
        return cls(slope, float(found[1]) - slope * centre)

    def probability(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities, of the shape of the logits."""
        return expit(np.float32(self.slope) * logits + np.float32(self.intercept)).astype(np.float32, copy=False)


@dataclass(frozen=True)
class LabelledPairs:
    """(request, item) pairs with what came of them; all arrays are (n_pairs,).

    Attributes:
        logits: of the interest model.
        clicked, purchased: whether any positive reaction, and whether one of the largest weight, followed.
        weights: how many pairs each stands for.
    """

    logits: NDArray[np.float32]
    clicked: NDArray[np.bool_]
    purchased: NDArray[np.bool_]
    weights: NDArray[np.float64]

    def calibrations(self) -> tuple[LogitCalibration, LogitCalibration]:
        """The calibrations of a click (any positive reaction) and of a purchase.

        Where purchases are few, a purchase is taken to depend on the logit as a click does.
        """
        click = LogitCalibration.fit(self.logits, self.clicked, self.weights)
        return click, LogitCalibration.fit(self.logits, self.purchased, self.weights, click.slope)


def labelled_pairs(scorer: Scorer, log: InteractionLog, validation: Examples, history: int, seed: int) -> LabelledPairs:
    """What was shown and what came of it, in the validation window; without impressions, the next event among all."""
    if len(validation) == 0:
        nothing = np.empty(0, dtype=bool)
        return LabelledPairs(np.empty(0, np.float32), nothing, nothing, np.empty(0))
    generator = np.random.default_rng(seed)
    strongest = float(log.weights.max())
    shown = log.is_impression & (log.times >= validation.targets.times[0])
    if shown.any():
        rows = generator.choice(np.flatnonzero(shown), min(_MOST_IMPRESSIONS, int(shown.sum())), replace=False)
        chosen = np.zeros(len(log), dtype=bool)
        chosen[rows] = True
        return _from_impressions(scorer, log, Examples.from_log(log, history, chosen), strongest)
    return _from_next_events(scorer, validation, strongest, generator)


def _from_impressions(scorer: Scorer, log: InteractionLog, impressions: Examples, strongest: float) -> LabelledPairs:
    items = impressions.targets.items[:, None].astype(np.int64)
    logits = scorer.score_items(impressions.histories(), items)[:, 0]
    clicked, purchased = (
        _are_followed(impressions.targets, log, events) for events in (log.weights > 0, log.weights == strongest)
    )
    return LabelledPairs(logits, clicked, purchased, np.ones(len(logits)))


def _are_followed(impressions: EventColumns, log: InteractionLog, events: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether one of some events (n_events,) followed each impression: under its request_id or, without one, by
    the same user on the same item."""
    by_list = _key(log.requests, log.items, log.n_items)[events & (log.requests >= 0)]
    by_user = _key(log.users, log.items, log.n_items)[events & (log.times >= impressions.times[0])]
    return np.where(
        impressions.requests >= 0,
        np.isin(_key(impressions.requests, impressions.items, log.n_items), by_list),
        np.isin(_key(impressions.users, impressions.items, log.n_items), by_user),
    )


def _key(owners: NDArray[np.int32], items: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    return owners.astype(np.int64) * n_items + items


def _from_next_events(
    scorer: Scorer, validation: Examples, strongest: float, generator: np.random.Generator
) -> LabelledPairs:
    rows = np.sort(generator.choice(len(validation), min(_MOST_REQUESTS, len(validation)), replace=False))
    some = validation.select(rows)
    n_items = len(scorer.items.targets)
    drawn = generator.integers(n_items, size=(len(some), _NEGATIVES))
    items = np.column_stack([some.targets.items.astype(np.int64), drawn])
    logits = scorer.score_items(some.histories(), items)
    won, lost = logits[:, 0], logits[:, 1:].ravel()
    clicked = np.repeat([True, False], [len(won), len(lost)])
    purchased = clicked.copy()
    purchased[: len(won)] = some.targets.weights == strongest
    # Each drawn negative stands for its share of the catalogue.
    weights = np.where(clicked, 1.0, max(1, n_items - 1) / _NEGATIVES)
    return LabelledPairs(np.concatenate([won, lost]), clicked, purchased, weights)
