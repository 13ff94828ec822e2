"""The moment of the request."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from features.kinds.base import DAY, SECOND, Scope
from features.pairs import PairBatch


@dataclass(frozen=True)
class Clock:
    """When the request is made, UTC."""

    what: Literal["hour", "weekday"]
    scope: ClassVar[Scope] = "request"

    def values(self, pairs: PairBatch) -> NDArray[np.float32]:
        now = pairs.histories.now
        if self.what == "hour":
            return pairs.per_request((now % DAY) / (3_600 * SECOND))
        return pairs.per_request(((now // DAY + 3) % 7).astype(np.float32))  # 1970-01-01 was a Thursday
