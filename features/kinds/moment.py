"""The moment of the request."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import OfRequest, Scope
from features.measures import DAY, SECOND
from features.pairs import PairBatch


@dataclass(frozen=True)
class Clock(OfRequest):
    """When the request is made, UTC."""

    what: Literal["hour", "weekday"]
    scope: ClassVar[Scope] = "request"

    def of_requests(self, pairs: PairBatch) -> NDArray[np.floating]:
        now = pairs.histories.now
        if self.what == "hour":
            return np.asarray((now % DAY) / (3_600 * SECOND))
        return ((now // DAY + 3) % 7).astype(np.float32)  # 1970-01-01 was a Thursday
