"""The three arms of a simulation (each user belongs to one, by a hash of the id), and how a week went in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

from recsys.pipeline.retraining.retrain import Decision

Arm = Literal["retrained", "frozen", "popularity"]
ARMS: tuple[Arm, ...] = ("retrained", "frozen", "popularity")


def user_id_of(user: int) -> str:
    """The id of a user, by number."""
    return f"user {user}"


def arm_of(user: int) -> Arm:
    """The arm that a user belongs to. Half of the users are in the retrained one, because it learns from them."""
    return ("retrained", "retrained", "frozen", "popularity")[crc32(user_id_of(user).encode()) % 4]


@dataclass(frozen=True)
class Week:
    """One week's end.

    Attributes:
        clicks: arm -> user -> clicks of each of the user's lists.
        decision: of the retraining at its end; None after the last one.
    """

    number: int
    clicks: Mapping[Arm, Mapping[int, Sequence[int]]]
    decision: Decision | None

    def rate(self, arm: Arm) -> float:
        """Clicks a list, the mean over the users who came; NaN where nobody did."""
        users = [np.mean(lists) for lists in self.clicks[arm].values()]
        return float(np.mean(users)) if users else float("nan")
