"""The event that is worth most, such as a purchase."""

from dataclasses import dataclass

import numpy as np

from recsys.data.log.interactions import InteractionLog


@dataclass(frozen=True)
class StrongestEvent:
    """The event of the highest weight, such as a purchase.

    Attributes:
        weight: its worth by the config.
        name: "purchase"; of several with the same weight all names.
    """

    weight: float
    name: str

    @classmethod
    def of(cls, learned: InteractionLog, measured: InteractionLog) -> "StrongestEvent | None":
        """The strongest event that was learned from, where it can be measured in another log.

        Returns:
            None where that event does not occur in `measured`, or where no weaker one was learned from, which it could
            be told from.
        """
        weights = np.unique(learned.weights[learned.weights > 0])
        if len(weights) < 2 or not np.any(measured.weights == weights[-1]):
            return None
        codes = np.unique(learned.events[learned.weights == weights[-1]])
        return cls(float(weights[-1]), " or ".join(learned.event_names[code] for code in codes))
