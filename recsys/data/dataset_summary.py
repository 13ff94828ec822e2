"""What is in a data set, in numbers that a person can check."""

from dataclasses import dataclass

import numpy as np

from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.loading import LoadReport
from recsys.data.log.repeats import repeat_share
from recsys.moments import moment_of

_NAMED = 20
"""Most columns of the items that are named."""

_ELSEWHERE = ("item_id", "title", "description", "available")
"""Columns of which something else is said."""


@dataclass(frozen=True)
class DatasetSummary:
    """Counts and shares of a data set.

    Attributes:
        profiled: users of the log who are in the user table; None if there is none, or nothing can be learned from it.
        events: number of events by name.
        wanted: how many of them are positive events, by `events.weights` and `events.min_value`.
        first, last: moment of the oldest and the newest event, ISO 8601 UTC.
        available: items that are available today.
        described: share of the items that have a description.
        columns: of each other column of the items that has values, the share of the items that have one.
        repeated: share of what users wanted that they knew already, see `repeat_share`.
        rejected: bad rows by file.
        duplicates: events whose event_id was there before.
        reasons: the most frequent reasons of rejection, with an example each.
    """

    items: int
    users: int
    profiled: int | None
    events: dict[str, int]
    wanted: int
    first: str
    last: str
    available: int
    described: float
    columns: dict[str, float]
    repeated: float
    rejected: dict[str, int]
    duplicates: int
    reasons: list[str]
    fingerprint: str

    def lines(self) -> list[str]:
        """For people."""
        named = ", ".join(f"{count:,} {name}" for name, count in self.events.items())
        available = f"{self.available:,} of them available, " if self.available < self.items else ""
        columns = [f"{name} {share:.0%}" for name, share in self.columns.items()]
        more = [f"{len(columns) - _NAMED} more"] if len(columns) > _NAMED else []
        lines = [
            f"items       {self.items:,}, {available}{self.described:.1%} with a description",
            f"columns     {', '.join([*columns[:_NAMED], *more]) or 'title only'}",
            f"users       {self.users:,}{'' if self.profiled is None else f', {self.profiled:,} of them in users.*'}",
            f"events      {sum(self.events.values()):,}: {named}",
            f"interest    {self.wanted:,} of the events are positive",
            f"time        {self.first} to {self.last}",
            f"repeats     {self.repeated:.1%} of what was wanted, by weight, was known from an hour or more before",
            f"duplicates  {counted(self.duplicates, 'event')} with an event_id seen before",
        ]
        lines += [f"rejected    {counted(count, 'row')} of {name}" for name, count in self.rejected.items() if count]
        return lines + [f"            {reason}" for reason in self.reasons]


def summarise(dataset: Dataset, report: LoadReport) -> DatasetSummary:
    """Count what a reading found."""
    log, profiles = dataset.log, dataset.profiles
    counts = np.bincount(log.events, minlength=len(log.event_names))
    frame = dataset.catalogue.frame
    filled = {name: 1 - frame[name].null_count() / frame.height for name in frame.columns}
    return DatasetSummary(
        items=len(dataset.catalogue),
        users=log.n_users,
        profiled=None if profiles is None else int(np.count_nonzero(profiles.knows(log.user_vocabulary))),
        events={name: int(count) for name, count in zip(log.event_names, counts, strict=True)},
        wanted=int(np.count_nonzero(log.weights > 0)),
        first=_moment(int(log.times[0])),
        last=_moment(int(log.times[-1])),
        available=int(frame["available"].sum()),
        described=filled["description"],
        columns={name: share for name, share in filled.items() if share and name not in _ELSEWHERE},
        repeated=repeat_share(log),
        rejected={part.name: len(part) for part in report.rejections},
        duplicates=report.n_duplicates,
        reasons=[f"{part.name}: {reason}" for part in report.rejections for reason in part.top_reasons()],
        fingerprint=dataset.fingerprint,
    )


def _moment(time: int) -> str:
    return f"{moment_of(time):%Y-%m-%dT%H:%M:%SZ}"
