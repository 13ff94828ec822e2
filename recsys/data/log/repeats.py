"""Whether people choose again what they know, by what they chose and what they were shown."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.data.log.interactions import InteractionLog
from recsys.data.log.visits import VISIT, visits_of
from recsys.moments import DAY
from recsys.significance import SIGNIFICANT

_BUSIEST = 0.99
"""All visits of this share of the users count; of a busier one, as many as of the busiest of these."""

_ALWAYS_COUNTED = 20
"""This many visits of a user, or to an item, count in any log."""

_NEWEST = 0.2
"""Newest share of the log, by which it is judged whether users come back lately."""

_OFTEN = 0.02
"""Share of what is wanted that users must clearly have come back for: lists gain little by less."""

_FEWEST_CHOICES = 5
"""Fewest choices of known items that are more than chance."""


def repeat_share(log: InteractionLog) -> float:
    """Share of what users wanted, by weight, that they knew already; 0 where nothing was wanted.

    That is what leaving seen items out of lists would cost. What a user does with an item in one visit counts
    once, as much as the strongest event; any visit before it makes the item known, also one of weight 0. The busiest
    hundredth of the users count no more than the next busiest, so that a scraper decides nothing. The most frequent
    item counts no more than the second, so that a gift in every basket decides nothing either; if half of what is
    wanted are the same five items, that is a habit.
    """
    visits = _wanted_visits(log)
    return float(visits.counts[visits.is_known].sum() / visits.counts.sum()) if len(visits.counts) else 0.0


def often_come_back(log: InteractionLog) -> bool:
    """Whether users lately come back to items, days later, often enough for lists to gain by what they know.

    Only the newest fifth of the log counts: before, users have hardly anything to come back to. To come back within a
    day is no habit: pages are loaded again, articles read on. Several users must do so: of what is wanted, known items
    must be a fiftieth, and more by two standard errors, of users drawn by chance.
    """
    visits = _wanted_visits(log, int(np.quantile(log.times, 1 - _NEWEST)) if len(log) else 0)
    if not len(visits.counts):
        return False
    again = visits.counts * (visits.since >= DAY)
    share, total = again.sum() / visits.counts.sum(), visits.counts.sum()
    beyond = np.bincount(visits.users, again - share * visits.counts)
    return bool(share - SIGNIFICANT * np.sqrt(np.sum(beyond**2)) / total > _OFTEN)


class _WantedVisits(NamedTuple):
    """Visits with a positive event; arrays are (n_visits,)."""

    users: NDArray[np.int32]
    counts: NDArray[np.float64]
    """the weight of each, evened as `repeat_share` says"""
    is_known: NDArray[np.bool_]
    """whether there was a visit before it"""
    since: NDArray[np.int64]
    """microseconds since the act before it, 0 without one"""


def _wanted_visits(log: InteractionLog, start: int = 0) -> _WantedVisits:
    """Those that begin at `start` (microseconds) or later."""
    acts, is_known, begins = visits_of(log)
    since = np.where(is_known, np.diff(log.times[acts], prepend=0), 0)
    firsts = np.flatnonzero(begins)
    weights = np.maximum.reduceat(log.weights[acts], firsts).astype(np.float64) if len(firsts) else np.zeros(0)
    counted = (weights > 0) & (log.times[acts[firsts]] >= start)
    firsts, weights = firsts[counted], weights[counted]
    users, items = log.users[acts[firsts]], log.items[acts[firsts]]
    if len(firsts):
        weights = weights * _capped_weights(users) * _without_one_above_all(items)
    return _WantedVisits(users, weights, is_known[firsts], since[firsts])


def chosen_again(log: InteractionLog) -> bool:
    """Whether users choose what they know more often than other items when it is shown to them.

    Lists that hardly ever show known items hide that from `repeat_share`. Users are compared with themselves (Mantel
    and Haenszel, JNCI 1959): who chooses much from any list also knows more of what is shown. An item is known if its
    user acted on it an hour or more before, and chosen if it is wanted within an hour. Known ones must be chosen five
    times, and by two standard errors more often than would follow from the rate of the others.
    """
    if not log.is_impression.any():
        return False
    # Of each user: how many known items and others were shown, and how many of each were chosen.
    users = (
        _shown_items(log)
        .group_by("user")
        .agg(
            pl.col("counts").first(),
            known=pl.col("known").sum(),
            others=(~pl.col("known")).sum(),
            known_chosen=(pl.col("known") & pl.col("chosen")).sum(),
            others_chosen=(~pl.col("known") & pl.col("chosen")).sum(),
        )
        .filter(pl.col("known") > 0, pl.col("others") > 0)
        .with_columns(counts=pl.col("counts") / (pl.col("known") + pl.col("others")))
    )
    n_chosen, of_known, of_others = users.select(
        pl.col("known_chosen").sum(),
        of_known=(pl.col("counts") * pl.col("known_chosen") * pl.col("others")).sum(),
        of_others=(pl.col("counts") * pl.col("others_chosen") * pl.col("known")).sum(),
    ).row(0)
    return bool(n_chosen >= _FEWEST_CHOICES and of_known - of_others > SIGNIFICANT * np.sqrt(of_others))


def _shown_items(log: InteractionLog) -> pl.DataFrame:
    """The impressions, without those in the midst of a visit to the item.

    Columns: `user`; `known`, whether the user had acted on the item before; `chosen`, whether it was wanted within an
    hour; `counts`, how much the impression counts, see `_capped_weights`.
    """
    is_shown = log.is_impression
    columns = {"user": log.users, "item": log.items, "time": log.times}
    shown = pl.DataFrame(columns).filter(is_shown).with_columns(counts=_capped_weights(log.users[is_shown]))
    acts = pl.DataFrame({**columns, "acted": log.times, "weight": log.weights}).filter(~is_shown)
    wanted = acts.filter(pl.col("weight") > 0).select("user", "item", "time", wanted="acted")
    pair = ["user", "item"]
    return (  # the joins need not check it: a log is in the order of time
        shown.join_asof(acts, on="time", by=pair, check_sortedness=False, allow_exact_matches=False)
        .join_asof(wanted, on="time", by=pair, check_sortedness=False, strategy="forward")
        .with_columns(since=pl.col("time") - pl.col("acted"), until=pl.col("wanted") - pl.col("time"))
        .filter(pl.col("since").is_null() | (pl.col("since") >= VISIT))  # else it is part of a visit that goes on
        .select(
            "user",
            "counts",
            known=pl.col("since").is_not_null(),
            chosen=(pl.col("until") < VISIT).fill_null(False),
        )
    )


def _capped_weights(users: NDArray[np.int32]) -> NDArray[np.float64]:
    """(n_visits,) weight of each visit, by which no user counts as more visits than most users have."""
    n_visits = np.bincount(users)
    return _at_most(float(np.quantile(n_visits[n_visits > 0], _BUSIEST, method="lower")), n_visits)[users]


def _without_one_above_all(items: NDArray[np.int32]) -> NDArray[np.float64]:
    """(n_visits,) weight of each visit, by which no item counts as more visits than the second most frequent one."""
    n_visits = np.bincount(items)
    return _at_most(float(np.sort(n_visits)[-2:][0]), n_visits)[items]


def _at_most(most: float, n_visits: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_keys,) what each visit of a key counts, if its `n_visits` (n_keys,) are to count as at most so many."""
    return np.asarray(np.minimum(n_visits, max(most, _ALWAYS_COUNTED)) / np.maximum(n_visits, 1))
