"""The event of the highest weight, such as a purchase."""

from dataclasses import dataclass

import numpy as np

from recsys.data.log.interactions import InteractionLog


@dataclass(frozen=True)
class StrongestEvent:
    """The event of the highest weight, such as a purchase.

    Attributes:
        weight: by the config.
        name: such as "purchase"; if several have this weight, the names of all.
    """

    weight: float
    name: str

    @classmethod
    def of(cls, learned: InteractionLog, measured: InteractionLog) -> "StrongestEvent | None":
        """The strongest event of the log that was learned from, if it can be measured in another log.

        Returns:
            None if that event does not occur in `measured`, or if no weaker one was learned from that it could be
            distinguished from.
        """
        weights = np.unique(learned.weights[learned.weights > 0])
        if len(weights) < 2 or not np.any(measured.weights == weights[-1]):
            return None
        codes = np.unique(learned.events[learned.weights == weights[-1]])
        return cls(float(weights[-1]), " or ".join(learned.event_names[code] for code in codes))
