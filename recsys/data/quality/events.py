"""Warnings about the event table, once it is a log."""

import json
from collections.abc import Iterable, Iterator

import numpy as np

from recsys.config import EventsConfig
from recsys.counts import counted
from recsys.data.log.interactions import InteractionLog
from recsys.data.quality.ids import SHOWN
from recsys.data.quality.positions import positions_from_one
from recsys.moments import DAY, day_of

_MOST_NAMED = 5
"""Names that one warning lists."""

_END_OF_1970 = 365 * DAY

_LONG_GAP = 30 * DAY
"""Shops close for less."""

_MOSTLY = 0.8
"""If the least positive events are worth this share of all together, rankers learn little of the others."""

_ENOUGH_TO_LEARN = 100
"""Positive events of the strongest kind from which lists can be learned."""

_ONE_USER = 0.1
"""A user with more than this share of the events may stand for many people."""

_TIMES_THE_MEAN = 10
"""Such a user also has more than this many times the events of the mean user."""

_OTHER_SCALE = 2.0
"""If the largest value is more than this many times the least that counts, the latter is low on its scale: 4 of 10
stars."""

_NOT_RATED = 0.1
"""If more than this share of an event's values are 0, which is too low to count, 0 may stand for no rating."""

_IN_A_ROW = 1.05
"""Users come one after another if the log goes from one to the next at most this many times as often as it must."""

_FEW_EACH = 3
"""With fewer events than this for each user, that may be so by chance."""

_NO_PAUSE = 2.0
"""Between two visits a pause is longer than this many times the one between two acts; between two rows it is not."""


def event_warnings(log: InteractionLog, name: str, config: EventsConfig) -> Iterator[str]:
    """What may be a mistake in the event table; `name` is that of its file."""
    for warning in (
        *_dominant_user(log),
        *names_without_weight(log.event_names, config),
        *_strange_values(log, config),
        *_mostly_the_least_positives(log),
        *_impressions_without_request(log),
        *_nothing_wanted(log),
        *_times_of_1970(log),
        *_long_after_the_others(log),
        *_times_without_order(log),
        *positions_from_one(log),
    ):
        yield f"{name}: {warning}"


def _dominant_user(log: InteractionLog) -> Iterator[str]:
    """One user with so many events that it may stand for all who are not known by name."""
    counts = np.bincount(log.users)
    if len(counts) and counts.max() > max(_ONE_USER, _TIMES_THE_MEAN / len(counts)) * len(log):
        dominant = log.user_vocabulary.id(int(np.argmax(counts)))[:SHOWN]
        yield (
            f"{counts.max():,} of {len(log):,} events are of the user {dominant!r}; if this id stands for many people, "
            "such as guests, give each session a user_id of its own; if it is a program, leave its events out"
        )


def names_without_weight(names: Iterable[str], config: EventsConfig) -> Iterator[str]:
    """Event names that `events.weights` has in another letter case, and those that it does not have at all."""
    unknown = [found for found in names if found not in config.weights]
    for found in unknown:
        if found.lower() in config.weights:
            yield (
                f"the event {found!r} is not the same as {found.lower()!r}, so it is worth events.default_weight; "
                "write both alike, or name it in events.weights"
            )
    strange = [repr(found) for found in unknown if found.lower() not in config.weights]
    if strange:
        named = f"{', '.join(strange[:_MOST_NAMED])}{', ...' if len(strange) > _MOST_NAMED else ''}"
        wanted = (
            ", so it counts as positive; give 0 to what is not, such as a complaint, and more to what is "
            "worth more, such as an order"
            if config.default_weight
            else ""
        )
        worth = f"each is worth events.default_weight = {config.default_weight:g}{wanted}"
        yield f"events.weights does not name {named}: {worth}"


def _strange_values(log: InteractionLog, config: EventsConfig) -> Iterator[str]:
    """Values on another scale than `events.min_value`, and values below 0 that are positive events."""
    for number, found in enumerate(log.event_names):
        own = log.events == number
        least, most = config.min_value.get(found), np.fmax.reduce(log.values[own], initial=-np.inf)
        if least is not None and most > _OTHER_SCALE * least > 0:
            reach = f"go up to {most:g}, and count as positive from events.min_value = {least:g} on"
            yield f"values of {found!r} {reach}; if that is low on their scale, set a higher events.min_value"
        if least is not None and -np.inf < most < least:
            reach = f"go up to {most:g}, and none counts as positive: events.min_value = {least:g}"
            yield f"values of {found!r} {reach}; set one that fits their scale"
        n_zero = int(np.count_nonzero(own & (log.values == 0)))
        if least is not None and least > 0 and n_zero > _NOT_RATED * np.count_nonzero(own):
            zeros = f"{n_zero:,} of {np.count_nonzero(own):,} values of {found!r} are 0, which is not positive"
            yield f"{zeros}; if 0 stands for what was chosen and not rated, leave these cells empty"
        n_below = int(np.count_nonzero(own & (log.values < 0) & (log.weights > 0)))
        if n_below:
            have, count = ("has", "counts") if n_below == 1 else ("have", "count")
            below = f"{counted(n_below, 'event')} {found!r} {have} a value below 0 and still {count}"
            yield f"{below} as positive; if they are returns, set events.min_value of {found!r} to 0"


def _mostly_the_least_positives(log: InteractionLog) -> Iterator[str]:
    """Views beside which purchases hardly count, although each is worth more."""
    positive = log.positive()
    kinds, counts = np.unique(positive.events, return_counts=True)
    weights = [float(np.median(positive.weights[positive.events == kind])) for kind in kinds]
    names = [log.event_names[kind] for kind in kinds]
    if len(kinds) < 2 or min(weights) == max(weights):
        return
    least, most = int(np.argmin(weights)), int(np.argmax(weights))
    shares = counts * weights / np.sum(counts * weights)
    if shares[least] >= _MOSTLY and counts[most] >= _ENOUGH_TO_LEARN:
        table = ", ".join(
            f"{json.dumps(name)}={0.0 if kind == least else worth:g}"
            for kind, (name, worth) in enumerate(zip(names, weights, strict=True))
        )
        yield (
            f"{shares[least]:.0%} of what counts as interest are events {names[least]!r}, {shares[most]:.0%} are "
            f"{names[most]!r}: lists will follow the former; if the latter are what you want, keep the former as part "
            f"of the history alone: --set 'events.weights={{{table}}}' (docs/data.md, Views and purchases)"
        )


def _impressions_without_request(log: InteractionLog) -> Iterator[str]:
    """Impressions of which it is not known what followed."""
    lost = int(np.count_nonzero(log.is_impression & (log.requests < 0)))
    if lost:
        impressions_have = counted(lost, "impression has", "impressions have")
        yield (
            f"{impressions_have} no request_id, so nothing is learned from what followed; "
            "give those of one list the same request_id"
        )


def _nothing_wanted(log: InteractionLog) -> Iterator[str]:
    if not (log.weights > 0).any():
        yield (
            "no event is positive by events.weights and events.min_value, so nothing can be learned; "
            "set them to fit these events"
        )


def _times_of_1970(log: InteractionLog) -> Iterator[str]:
    if len(log) and log.times[-1] < _END_OF_1970:
        yield "all times lie in 1970 or before; if they count days or hours, write dates or epoch seconds"


def _long_after_the_others(log: InteractionLog) -> Iterator[str]:
    """A few events that come so long after all others that their times may be wrong."""
    newest = log.times[-max(2, len(log) // 100) :]
    gaps = np.diff(newest)
    if not len(gaps):
        return
    gap, first = int(gaps.max()), int(np.argmax(gaps)) + 1
    if gap > max(_LONG_GAP, (newest[first - 1] - log.times[0]) // 2):
        late = len(newest) - first
        have, come = ("its time is", "comes") if late == 1 else ("their times are", "come")
        yield (
            f"{counted(late, 'event')} {come} {gap // DAY:,} days after all others, on {day_of(int(newest[first]))}; "
            f"if {have} wrong, correct or remove {'it' if late == 1 else 'them'}: what is recent is seen from there"
        )


def _times_without_order(log: InteractionLog) -> Iterator[str]:
    """Times that were made up: one for all events, or the numbers of the rows of a table that is sorted by user."""
    n_users = len(np.unique(log.users))
    if n_users < 2 or len(log) < _FEW_EACH * n_users:
        return
    mend = "write real times or, where the order is unknown, number the events of all users in one random order"
    gaps, changes = np.diff(log.times), np.diff(log.users) != 0
    if not gaps.any():
        yield f"all events have one time, so none comes before another; {mend}"
    in_a_row = np.count_nonzero(changes) <= _IN_A_ROW * (n_users - 1)
    if in_a_row and np.median(gaps[changes]) <= _NO_PAUSE * np.median(gaps[~changes]) > 0:
        yield (
            "users come one after another, each with all its events, and without a pause between two of them; if the "
            "times are the row numbers of a table sorted by user, training learns from some users and is measured on "
            f"others; {mend}"
        )
