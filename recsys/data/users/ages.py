"""Dates of users as ages: how long ago a date was, at any moment. A child's birthday says what it has grown out of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of
from recsys.data.groups.membership import Groups
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.data.tables.parsing import as_time
from recsys.moments import DAY

_PARTS = 20
"""Parts that ages are cut into."""

_FEWEST_DATES = 11
"""In a column with fewer different dates each date is a group: users of one campaign, members of one club."""

_OF_NEXT = 0.5
"""How much a choice at one age says of the next part, and of the one before, compared with its own."""

_AHEAD = 366 * DAY
"""Stages are known for so long after the log that they were made for ends: the table of users is read again before."""

_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
_YEAR = 365.25 * DAY
_IN_DAYS = 100
"""Ages up to so many days are counted in days, others in years."""


@dataclass(frozen=True)
class Ages:
    """The ages of users by one column of dates.

    Attributes:
        column: its name.
        dates: (n_users,) microseconds, `NO_TIME` without one.
        bounds: (n_parts - 1,) microseconds, increasing: the ages at which a user comes to the next part.
        names: (n_parts,) in words.
    """

    column: str
    dates: NDArray[np.int64]
    bounds: NDArray[np.int64]
    names: tuple[str, ...]

    def changes(self) -> pl.DataFrame:
        """When users come to the next part: `user`, and `moment` in microseconds."""
        users = np.flatnonzero(self.dates != NO_TIME)
        moments = (self.dates[users, None] + self.bounds).ravel()
        return pl.DataFrame({"user": np.repeat(users, len(self.bounds)), "moment": moments})

    @property
    def near(self) -> sp.csr_matrix:
        """(n_parts, n_parts) see `Stages.near`."""
        diagonals = [_OF_NEXT, 1.0, _OF_NEXT]
        return sp.csr_matrix(sp.diags(diagonals, offsets=[-1, 0, 1], shape=(len(self.names), len(self.names))))

    def groups(self, users: NDArray[np.int64], times: NDArray[np.int64]) -> Groups:
        """The parts as groups of rows: each row is a user at a moment in microseconds; both are (n_rows,)."""
        known = np.flatnonzero(self.dates[users] != NO_TIME)
        ages = times[known] - self.dates[users[known]]
        parts = np.searchsorted(self.bounds, ages, side="right")
        members = (np.ones(len(known), dtype=np.float32), (known, parts))
        names = pl.DataFrame({"column": [self.column] * len(self.names), "value": list(self.names)})
        return Groups(sp.csr_matrix(members, shape=(len(users), len(self.names))), names)


def dates_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Microseconds of the columns of a table that hold many different dates, typed or as ISO 8601 text."""
    dated = [column for column in frame if _has_dates(column) and column.n_unique() >= _FEWEST_DATES]
    return frame.select(as_time(pl.col(column.name), column.dtype).alias(column.name) for column in dated)


def _has_dates(values: pl.Series) -> bool:
    if values.dtype != pl.String:
        return values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime)
    texts = values.drop_nulls()
    if texts.is_empty() or not texts.str.contains(_DATE).all():
        return False
    return texts.to_frame("date").select(as_time(pl.col("date"), pl.String()).is_not_null().all()).item() is True


def ages_of(dates: pl.DataFrame, log: InteractionLog, users: NDArray[np.int32]) -> Iterator[Ages]:
    """The ages by each column of dates, cut at whole days so that each part has as many of the events; none where the
    events are of one age only.

    Args:
        dates: of `dates_of`.
        log: events.
        users: (n_events,) the row in `dates` of each event's user, -1 without one.
    """
    for column in dates:
        moments = column.fill_null(NO_TIME).to_numpy()
        dated = (users >= 0) & (moments[users] != NO_TIME)
        ages = np.sort(log.times[dated] - moments[users[dated]])
        indices = np.arange(1, _PARTS) * len(ages) // _PARTS
        days = np.unique(-(-ages[indices] // DAY)) if len(ages) else ages
        bounds = days[days * DAY > ages[:1]] * DAY  # so that somebody is younger
        if len(bounds):
            edges = (int(ages[0]), *bounds.tolist(), max(int(ages[-1]), int(bounds[-1])))
            yield Ages(column.name, moments, bounds, tuple(_in_words(*part) for part in pairwise(edges)))


def stages_of(ages: Sequence[Ages], n_users: int, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """See `Stages`: where the rows of each user start, and since when each row holds.

    Args:
        first, last: microseconds of the first and the last event of a log.
    """
    changes = [pl.DataFrame({"user": np.arange(n_users), "moment": np.full(n_users, first)}), *map(Ages.changes, ages)]
    within = pl.col("moment").is_between(first, last + _AHEAD)
    begun = pl.concat(change.filter(within) for change in changes).unique().sort("user", "moment")
    return offsets_of(np.bincount(begun["user"].to_numpy(), minlength=n_users)), begun["moment"].to_numpy()


def _in_words(low: int, high: int) -> str:
    """An age between two others: `1.5 to 2.1 years ago`."""
    if high < 0:
        low, high = -high, -low
        return "in " + _in_words(low, high).removesuffix(" ago")
    unit, name = (DAY, "days") if max(-low, high) <= _IN_DAYS * DAY else (_YEAR, "years")
    return f"{low / unit:.3g} to {high / unit:.3g} {name} ago"
