"""What is chosen at this time of the day and on this day of the week: breakfast, lunch, what is for Friday night."""

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.periodic import Periodic, chosen_around, groups_of_times
from recsys.data.groups.membership import Groups
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY

_HOURS, _DAYS = 24, 7
_WEEK = _HOURS * _DAYS


class Rhythm(Periodic):
    """Popularity in each hour of the week, from Monday 0:00 UTC: by the hour of the day, with the two beside it, and by
    the day of the week."""

    period: ClassVar[str] = "week"
    n_times: ClassVar[int] = _WEEK
    _file: ClassVar[str] = "hours"

    @staticmethod
    def times_of(moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Hours since Monday 0:00 UTC, from 0 to 167; 1970 began on a Thursday."""
        return (moments // (DAY // _HOURS) + 3 * _HOURS) % _WEEK

    @classmethod
    def groups(cls) -> Groups:
        """The hours of the day, then the days of the week."""
        hours = np.arange(_WEEK)
        columns = np.column_stack([hours % _HOURS, _HOURS + hours // _HOURS])
        names = [("hour", str(hour)) for hour in range(_HOURS)] + [("weekday", str(day)) for day in range(_DAYS)]
        return groups_of_times(columns, names)

    @classmethod
    def chosen(cls, positive: InteractionLog) -> sp.csr_matrix:
        """See `Periodic`."""
        hours = cls.times_of(positive.times)
        weights, around, items = chosen_around(positive, hours % _HOURS, _HOURS)
        rows = np.concatenate([around, _HOURS + hours // _HOURS])
        once = len(positive)  # a day has no other beside it
        columns, values = np.concatenate([items, items[:once]]), np.concatenate([weights, weights[:once]])
        return sp.csr_matrix((values, (rows, columns)), shape=(_HOURS + _DAYS, positive.n_items))
