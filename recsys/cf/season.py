"""What is chosen at this time of the year: gifts before Christmas, garden chairs in May."""

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.periodic import Periodic, chosen_around, groups_of_times
from recsys.cf.popular import Popular
from recsys.config import CfConfig
from recsys.data.groups.membership import Groups
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.moments import DAY
from recsys.retrieval.scores import SparseScores

_WEEKS = 52
_YEAR_DAYS = 365


class Season(Periodic):
    """Popularity in each week of the year, from the first of January UTC, with the weeks before and after it."""

    period: ClassVar[str] = "year"
    n_times: ClassVar[int] = _WEEKS
    least_past: ClassVar[int] = _YEAR_DAYS * DAY
    _file: ClassVar[str] = "weeks"

    @staticmethod
    def times_of(moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Weeks since the first of January, from 0 to 51; the last one has a day or two more."""
        days = moments.astype("datetime64[us]").astype("datetime64[D]")
        days_of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
        return np.asarray(np.minimum(days_of_year // 7, _WEEKS - 1))

    def scores_at(self, moments: NDArray[np.int64], now: NDArray[np.int64]) -> SparseScores:
        """See `Periodic`; a list for any time of the day is still for this time of the year."""
        return super().scores_at(np.where(moments == NO_TIME, now, moments), now)

    @classmethod
    def groups(cls) -> Groups:
        """The weeks."""
        return groups_of_times(np.arange(_WEEKS)[:, None], [("week", str(week)) for week in range(_WEEKS)])

    @classmethod
    def chosen(cls, positive: InteractionLog) -> sp.csr_matrix:
        """See `Periodic`."""
        weights, around, items = chosen_around(positive, cls.times_of(positive.times), _WEEKS)
        return sp.csr_matrix((weights, (around, items)), shape=(_WEEKS, positive.n_items))

    @classmethod
    def popularity(cls, log: InteractionLog, config: CfConfig) -> NDArray[np.float32]:
        """Popularity without regard to time; what was chosen a year ago counts at least half, or nothing of the last
        season would be left."""
        days = max(config.half_life_days, _YEAR_DAYS)
        return Popular.fit(log, config.model_copy(update={"half_life_days": float(days)})).popularity
