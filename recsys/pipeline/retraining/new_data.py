"""Is the new data fit to learn from? Volume, schema, unknown ids, and, in `data_drift`, whether it looks like before.

Every check compares what came after the served version's data with what that version knows; the limits are those of
`[retrain]`. Cf. Breck et al., "Data validation for machine learning", MLSys 2019.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.config import RetrainConfig
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.log.interactions import InteractionLog
from recsys.data.quality.events import names_without_weight
from recsys.errors import ConfigError
from recsys.moments import DAY
from recsys.pipeline.ranking.rules import check_rules, idle_rules
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.retraining.data_drift import FEW, busiest_user, mixtures, new_users, prices, values
from recsys.registry import Check

WEEK = 7 * DAY
_WEEKS = 4
"""Earlier windows of the same days of the week that the volume is compared with."""

_MANY_LATE = 0.1
"""Share of the new positive events: a few are late in any log."""


def check_data(champion: Bundle, dataset: Dataset, n_unusable: int) -> list[Check]:
    """All checks of the data, in the order in which a reader wants them.

    Args:
        champion: the served version.
        dataset: everything, old and new, with the champion's items first.
        n_unusable: new events that were set aside.
    """
    config, log = champion.config.retrain, dataset.log
    newer = log.after(champion.data_record.end)
    past = log.select(slice(0, len(log) - len(newer)))
    span = (int(newer.times[0]), int(newer.times[-1]) + 1) if len(newer) else (0, 0)
    length = span[1] - int(past.times[-1]) if len(newer) and len(past) else 0
    start = len(past) - len(past.after(int(past.times[-1]) - max(length, WEEK))) if len(past) else 0
    # Events that came late, such as purchases in a nightly file, are as new as those that came in time.
    is_late = _came_late(champion, past, start)
    last = past.select(np.flatnonzero(~is_late[start:]) + start)
    new = log.select(np.concatenate([np.flatnonzero(is_late), np.arange(len(past), len(log))]))
    past_acts, last_acts, new_acts = (_acts(part) for part in (past, last, new))
    return [
        _known_events(champion, past, config),
        _volume("volume", past_acts, new_acts, span, config),
        _volume("volume of impressions", _impressions(past), _impressions(new), span, config),
        check_unusable(len(new), n_unusable, config),
        *_late(past, is_late, newer),
        *_names(champion, new),
        *_columns(last, new, config),
        *_item_columns(champion, dataset, config),
        *_rules(champion, dataset),
        new_users(past_acts, last_acts, new_acts, config),
        busiest_user(last_acts, new_acts, config),
        *mixtures(dataset, last_acts, new_acts, config),
        prices(champion, dataset, config),
        *values(last, new, config),
    ]


def _acts(log: InteractionLog) -> InteractionLog:
    """What users did, without impressions, which are the work of the served version and of whoever logs them."""
    return log.select(~log.is_impression)


def _impressions(log: InteractionLog) -> InteractionLog:
    return log.select(log.is_impression)


def _came_late(champion: Bundle, past: InteractionLog, start: int) -> NDArray[np.bool_]:
    """(n_past,) True for events, from index `start` on, that the served version would have known had they come in
    time.

    Events before `start` that it does not know were imported, and say nothing of how a shop does now.
    """
    is_late = np.zeros(len(past), dtype=bool)
    recent = past.select(slice(start, None))
    if len(recent):
        known = champion.log.after(int(recent.times[0]) - 1)
        events = _moments(recent, recent.users).with_columns(event=recent.events)
        learned = _moments(known, _numbers_in(past, known)).with_columns(event=known.events)
        late = events.with_row_index("index").join(learned, on=events.columns, how="anti")
        is_late[start + late["index"].to_numpy()] = True
    return is_late


def _late(past: InteractionLog, is_late: NDArray[np.bool_], newer: InteractionLog) -> Iterator[Check]:
    """Positive events that came too late. They are reported, not refused, because everything but the ranker learns
    from them.

    The requests that they belong to lie in the time that the sources have learned from, which may teach no ranker.
    """
    late, in_time = len(past.select(is_late).positive()), len(newer.positive())
    if late > _MANY_LATE * (late + in_time):
        words = (
            f"{late:,} of the {late + in_time:,} new positive events are of the time before the served version's "
            "newest event: they reach the ranker only when it is trained from scratch; retrain right after such events "
            "have come in"
        )
        yield Check("late events", True, words)


def _known_events(champion: Bundle, past: InteractionLog, config: RetrainConfig) -> Check:
    """Whether the events learned from are still there, by user, item and moment: their number alone proves nothing."""
    known = champion.log
    before = _moments(known, _numbers_in(past, known))
    there = before.join(_moments(past, past.users), on=before.columns, how="semi").height
    words = f"{there:,} of the {len(known):,} events that the served version learned from still exist"
    return Check("past", there >= config.min_past * len(known), f"{words}; at least {config.min_past:.0%} must be")


def _numbers_in(log: InteractionLog, known: InteractionLog) -> NDArray[np.int32]:
    """(n_known,) the users of known events by the numbers of another log."""
    return log.user_vocabulary.numbers(known.user_vocabulary.ids(range(known.n_users)))[known.users]


def _moments(log: InteractionLog, users: NDArray[np.int32]) -> pl.DataFrame:
    return pl.DataFrame({"user": users, "item": log.items, "time": log.times})


def _volume(
    name: str, past: InteractionLog, new: InteractionLog, span: tuple[int, int], config: RetrainConfig
) -> Check:
    """How many new events there are, compared with the same hours of the same weekdays before; with the mean rate if
    the log is too short for that.

    Args:
        span: from the first new event of any kind on, as a server that starts to write long after an export leaves a
            gap, to the last one.
    """
    if not len(past) or span[0] == span[1]:
        return Check(name, True, "nothing to compare with")
    (start, end), known = span, int(past.times[-1]) + 1
    first = -(-(end - known) // WEEK) * WEEK
    step = max(WEEK, -(-(end - start) // WEEK) * WEEK)
    shifts = [shift for number in range(_WEEKS) if start - (shift := first + step * number) >= past.times[0]]
    if shifts:
        usual = float(np.median([len(past.between(start - shift, end - shift)) for shift in shifts]))
        where = "in the same days before"
    else:
        usual = len(past) * (end - start) / max(1, known - int(past.times[0]))
        where = "at the rate before"
    low, high = config.min_volume * usual, config.max_volume * usual
    words = f"{counted(len(new), 'new event')}; {usual:,.0f} {where}"
    if usual < FEW:
        return Check(name, True, f"{words}: too few to compare")
    return Check(name, low <= len(new) <= high, f"{words}; {low:,.0f} to {high:,.0f} are plausible")


def check_unusable(n_new: int, n_unusable: int, config: RetrainConfig) -> Check:
    """New events that were set aside: many of them have a common cause, such as ids in another form."""
    share = n_unusable / max(1, n_new + n_unusable)
    words = (
        f"{share:.1%} of the new events name unknown items or have wrong cells; {config.max_unusable:.0%} are allowed"
    )
    return Check("unknown ids", share <= config.max_unusable, words)


def _names(champion: Bundle, new: InteractionLog) -> Iterator[Check]:
    """Names that no event had before, for which nobody has chosen a weight. They are reported, not refused, because
    nothing is wrong with logging a new kind of event."""
    there = {new.event_names[number] for number in np.unique(new.events)}
    added = sorted(there.difference(champion.log.event_names))
    if added:
        warnings = list(names_without_weight(added, champion.config.events))
        remedy = ["only `recsys train` changes weights"] * bool(warnings)
        yield Check("names of events", True, "; ".join([f"new are {', '.join(map(repr, added))}", *warnings, *remedy]))


def _columns(last: InteractionLog, new: InteractionLog, config: RetrainConfig) -> Iterator[Check]:
    """An optional column that is suddenly empty; of values, on which weights depend, also one that is full."""
    for name, then, now in (
        ("value", ~np.isnan(_acts(last).values), ~np.isnan(_acts(new).values)),
        ("request_id", last.requests >= 0, new.requests >= 0),
        ("position", last.positions >= 0, new.positions >= 0),
        ("propensity", ~np.isnan(last.propensities), ~np.isnan(new.propensities)),
    ):
        if min(len(then), len(now)) >= FEW and (then.any() or now.any()):
            words = f"{now.mean():.0%} of the new events have a {name}, {then.mean():.0%} in the last window"
            lost = float(then.mean() - now.mean())
            yield Check(f"schema: {name}", (abs(lost) if name == "value" else lost) <= config.max_drift, words)


def _item_columns(champion: Bundle, dataset: Dataset, config: RetrainConfig) -> Iterator[Check]:
    """A column of known items that is suddenly empty: filters, caps and features that read it would find nothing."""
    before = champion.catalogue.frame
    now = dataset.catalogue.frame.head(len(before))
    for name in before.columns:
        then = before[name].is_not_null().to_numpy()
        if then.sum() >= FEW:
            lost = float(np.mean(now[name].is_null().to_numpy()[then]))
            words = f"{lost:.0%} of the known items that had a {name} have none now"
            if lost:
                yield Check(f"schema: {name} of items", lost <= config.max_drift, words)


def _rules(champion: Bundle, dataset: Dataset) -> Iterator[Check]:
    """Rules of lists that no longer fit the columns of the items: no list could be made. A rule that no longer concerns
    any item is reported, not refused, because items come and go."""
    policy = champion.config.policy
    try:
        check_rules(policy, dataset.catalogue)
    except ConfigError as error:
        yield Check("rules", False, f"{error}; mend the items, or train with other rules (`recsys train`)")
        return
    before = set(idle_rules(policy, champion.catalogue))
    if idle := [warning for warning in idle_rules(policy, dataset.catalogue) if warning not in before]:
        yield Check("rules", True, "; ".join(idle))
