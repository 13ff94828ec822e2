"""Is the new data fit to learn from? Volume, schema, unknown ids, and whether it looks like the window before it.

Every check compares what came after the served version's data with what that version knows; the limits are those of
`[retrain]`. Cf. Breck et al., "Data validation for machine learning", MLSys 2019.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.config import RetrainConfig
from recsys.data.dataset import Dataset
from recsys.data.durations import DAY
from recsys.data.interactions import InteractionLog
from recsys.pipeline.bundle import Bundle
from recsys.registry import Check

WEEK = 7 * DAY
_WEEKS = 4
_FEW = 50
"""Fewer values than this say nothing of a distribution."""


def check_data(champion: Bundle, dataset: Dataset, n_unusable: int) -> list[Check]:
    """All checks of the data, in the order in which a reader wants them.

    Args:
        champion: the served version.
        dataset: everything, old and new, with the champion's items first.
        n_unusable: new events that were set aside.
    """
    config, log = champion.config.retrain, dataset.log
    new = log.after(champion.data_record.end)
    past = log.select(slice(0, len(log) - len(new)))
    length = int(new.times[-1] - past.times[-1]) if len(new) and len(past) else 0
    last = past.after(int(past.times[-1]) - max(length, WEEK)) if len(past) else past
    return [
        _past(champion, past, config),
        _volume(past, new, config),
        _unusable(len(new), n_unusable, config),
        *_columns(last, new, config),
        *_item_columns(champion, dataset, config),
        _users(past, last, new, config),
        *_mixtures(dataset, last, new, config),
        _prices(champion, dataset, config),
        *_values(last, new, config),
    ]


def _past(champion: Bundle, past: InteractionLog, config: RetrainConfig) -> Check:
    """Events of the same user, item and moment: as many of other users or items say nothing of what was learned."""
    known = champion.log
    numbers = past.user_vocabulary.numbers(known.user_vocabulary.ids(range(known.n_users)))
    before = pl.DataFrame({"user": numbers[known.users], "item": known.items, "time": known.times})
    now = pl.DataFrame({"user": past.users, "item": past.items, "time": past.times})
    there = before.join(now, on=before.columns, how="semi").height
    words = f"{there:,} of the {len(known):,} events that the served version learned from are there"
    return Check("past", there >= config.min_past * len(known), f"{words}; at least {config.min_past:.0%} must be")


def _volume(past: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Check:
    """Against the same hours of the same weekdays before; against the mean rate where the log is too short for that."""
    if not len(past) or not len(new):
        return Check("volume", True, "nothing to compare with")
    # From the first new event on: a server that starts to write long after an export leaves a gap.
    start, end, known = int(new.times[0]), int(new.times[-1]) + 1, int(past.times[-1]) + 1
    first = -(-(end - known) // WEEK) * WEEK
    step = max(WEEK, -(-(end - start) // WEEK) * WEEK)
    shifts = [shift for place in range(_WEEKS) if start - (shift := first + step * place) >= past.times[0]]
    if shifts:
        usual = float(np.median([len(past.between(start - shift, end - shift)) for shift in shifts]))
        where = "in the same days before"
    else:
        usual = len(past) * (end - start) / max(1, known - int(past.times[0]))
        where = "at the rate before"
    low, high = config.min_volume * usual, config.max_volume * usual
    words = f"{len(new):,} new events; {usual:,.0f} {where}"
    if usual < _FEW:
        return Check("volume", True, f"{words}: too few to compare")
    return Check("volume", low <= len(new) <= high, f"{words}; {low:,.0f} to {high:,.0f} are plausible")


def _unusable(n_new: int, n_unusable: int, config: RetrainConfig) -> Check:
    share = n_unusable / max(1, n_new + n_unusable)
    words = (
        f"{share:.1%} of the new events name unknown items or have wrong cells; at most {config.max_unusable:.0%} may"
    )
    return Check("unknown ids", share <= config.max_unusable, words)


def _columns(last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """An optional column that is suddenly empty, or full."""
    for name, then, now in (
        ("value", ~np.isnan(last.values), ~np.isnan(new.values)),
        ("request_id", last.requests >= 0, new.requests >= 0),
        ("position", last.positions >= 0, new.positions >= 0),
        ("propensity", ~np.isnan(last.propensities), ~np.isnan(new.propensities)),
    ):
        if min(len(then), len(now)) >= _FEW and (then.any() or now.any()):
            words = f"{now.mean():.0%} of the new events have a {name}, {then.mean():.0%} in the last window"
            yield Check(f"schema: {name}", abs(now.mean() - then.mean()) <= config.max_drift, words)


def _item_columns(champion: Bundle, dataset: Dataset, config: RetrainConfig) -> Iterator[Check]:
    """A column of known items that is suddenly empty: filters, caps and features that read it would find nothing."""
    before = champion.catalogue.frame
    now = dataset.catalogue.frame.head(len(before))
    for name in before.columns:
        then = before[name].is_not_null().to_numpy()
        if then.sum() >= _FEW:
            lost = float(np.mean(now[name].is_null().to_numpy()[then]))
            words = f"{lost:.0%} of the known items that had a {name} have none now"
            if lost:
                yield Check(f"schema: {name} of items", lost <= config.max_drift, words)


def _users(past: InteractionLog, last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Check:
    """Users nobody has seen before: a changed key or format of the ids makes everybody new."""
    before = past.select(slice(0, len(past) - len(last)))
    if min(len(before), len(last), len(new)) < _FEW:
        return Check("new users", True, "too few events to compare")
    now = float(np.mean(~np.isin(new.users, past.users)))
    then = float(np.mean(~np.isin(last.users, before.users)))
    words = f"{now:.0%} of the new events are by users never seen before, {then:.0%} in the last window"
    return Check("new users", now - then <= config.max_new_users, f"{words}; it may rise by {config.max_new_users:.0%}")


def _mixtures(dataset: Dataset, last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """Kinds of events, and categories of the items that users chose (what is shown is the served version's work)."""
    categories = dataset.catalogue.codes("category")
    chosen, chosen_now = last.items[~last.is_impression], new.items[~new.is_impression]
    for name, then, now in (
        ("events", last.events.astype(np.int64), new.events.astype(np.int64)),
        ("categories", categories[chosen].astype(np.int64), categories[chosen_now].astype(np.int64)),
    ):
        if min(len(then), len(now)) < _FEW:
            continue
        distance = _distance(then, now)
        words = f"{distance:.0%} of the events would have to change to mix as in the last window"
        yield Check(f"mix of {name}", distance <= config.max_drift, f"{words}; at most {config.max_drift:.0%} may")


def _distance(then: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Total variation distance of two samples of codes from -1."""
    size = int(max(then.max(), now.max())) + 2
    shares = [np.bincount(codes + 1, minlength=size) / len(codes) for codes in (then, now)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _prices(champion: Bundle, dataset: Dataset, config: RetrainConfig) -> Check:
    """Prices of items that the version knows."""
    known = len(champion.catalogue)
    before = champion.catalogue.frame["price"].to_numpy().astype(np.float64)
    after = dataset.catalogue.frame["price"].to_numpy().astype(np.float64)[:known]
    return _scale("prices", "price of known items", before, after, config)


def _values(last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """Values of each kind of event."""
    for code, name in enumerate(new.event_names):
        yield _scale(
            f"values of {name}",
            f"value of {name}",
            last.values[last.events == code],
            new.values[new.events == code],
            config,
        )


def _scale(name: str, what: str, then: NDArray[np.floating], now: NDArray[np.floating], config: RetrainConfig) -> Check:
    then, now = then[then > 0], now[now > 0]
    if min(len(then), len(now)) < min(_FEW, max(1, len(then))) or not len(then):
        return Check(name, True, "too few to compare")
    factor = float(np.median(now) / np.median(then))
    words = f"the median {what} is {factor:.3g} times what it was; a factor of {config.max_scale:g} is allowed"
    return Check(name, 1 / config.max_scale <= factor <= config.max_scale, words)
