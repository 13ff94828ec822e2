"""Three windows in time order: history < ranker window < test. Never at random."""

from dataclasses import dataclass

import numpy as np

from recsys.config import DataConfig
from recsys.counts import counted
from recsys.data.log.interactions import InteractionLog
from recsys.errors import DataError


@dataclass(frozen=True)
class TemporalSplit:
    """Where the windows meet, microseconds. Each window holds its start and not its end.

    Attributes:
        ranker_start: history is before it; the ranker learns from requests at or after it.
        test_start: the test is at or after it.
        end: just after the newest event.
    """

    ranker_start: int
    test_start: int
    end: int

    @classmethod
    def of(cls, log: InteractionLog, config: DataConfig, test_start: int | None = None) -> "TemporalSplit":
        """Cut a log so that the windows hold the configured shares of its positive events.

        Args:
            log: the whole log.
            config: the shares.
            test_start: start of the test window, when it is not to be derived from the share. The ranker window then
                holds the share of both: what is measured learned from as many requests as what will be served.

        Raises:
            DataError: the log has fewer than three distinct moments, so that there is nothing to cut.
        """
        times = log.positive().times
        moments = np.unique(times)
        if len(moments) < 3:
            raise DataError(
                f"the log has positive events at {counted(len(moments), 'distinct time')}; three are needed to cut "
                "it into history, ranker window and test. Check the timestamps, `events.weights` and `events.min_value`"
            )
        share = config.ranker_fraction / (1.0 - config.test_fraction)
        if test_start is None:
            test_start = int(np.quantile(times, 1.0 - config.test_fraction, method="higher"))
        else:
            share = min(1.0, config.ranker_fraction + config.test_fraction)
        test_start = int(np.clip(test_start, moments[2], moments[-1]))
        before = times[times < test_start]
        ranker_start = int(np.quantile(before, max(0.0, 1.0 - share), method="higher"))
        return cls(int(np.clip(ranker_start, moments[1], before[-1])), test_start, int(log.times[-1]) + 1)
