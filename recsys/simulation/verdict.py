"""The result of a simulation in figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from recsys.simulation.arms import ARMS, Arm, Week


def verdict(weeks: Sequence[Week], shift_week: int) -> dict[str, Any]:
    """Clicks a list of each week and arm, and whether retraining paid: one-sided Welch tests over users,
    each of whom counts once, with all lists of all weeks.

    Args:
        weeks: of a simulation.
        shift_week: the week at whose start tastes shifted; 0: none did.
    """
    before = [week for week in weeks if not shift_week or week.number < shift_week]
    after = [week for week in weeks if shift_week and week.number > shift_week]
    found: dict[str, Any] = {
        "weeks": [
            {
                "week": week.number,
                **{arm: week.rate(arm) for arm in ARMS},
                "retraining": week.decision.action if week.decision else None,
                "reason": week.decision.reason if week.decision else None,
            }
            for week in weeks
        ],
        "against_popularity": _ahead(weeks, "popularity"),
        "against_frozen": _ahead(weeks, "frozen"),
    }
    if before and after:
        found["recovery"] = {arm: _share(_rate(after[-1:], arm), _rate(before[-1:], arm)) for arm in ARMS}
        found["against_frozen_after_the_turn"] = _ahead(after, "frozen")
    return found


def rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The weeks as cells of a table."""
    return [
        (str(week["week"]), *(f"{week[arm]:.3f}" for arm in ARMS), week["retraining"] or "") for week in found["weeks"]
    ]


def _ahead(weeks: Sequence[Week], other: Arm) -> dict[str, float]:
    ours, theirs = _clicks(weeks, "retrained"), _clicks(weeks, other)
    test = ttest_ind(ours, theirs, equal_var=False, alternative="greater")
    return {"retrained": float(ours.mean()), other: float(theirs.mean()), "p_value": float(test.pvalue)}


def _rate(weeks: Sequence[Week], arm: Arm) -> float:
    return float(_clicks(weeks, arm).mean())


def _share(now: float, then: float) -> float:
    """`now` as a share of `then`; 0 if there was nothing that could come back."""
    return now / then if then else 0.0


def _clicks(weeks: Sequence[Week], arm: Arm) -> NDArray[np.float64]:
    """(n_users,) clicks a list of each user over all these weeks."""
    lists: dict[int, list[int]] = {}
    for week in weeks:
        for user, clicks in week.clicks[arm].items():
            lists.setdefault(user, []).extend(clicks)
    return np.array([np.mean(clicks) for clicks in lists.values()])
