"""One answered list, as the stores keep it: what was shown to whom, by which version, and how likely that was."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServedList:
    """A list that was answered, or that a variant made unseen beside it.

    Attributes:
        request_id: of the answer; events that follow from it carry the same.
        user_id: as the log holds it; None for an anonymous user.
        timestamp: microseconds since 1970 UTC.
        model_version: what made the list.
        variant: of the experiment.
        first_position: of the first item, from 0; above 0 on later pages.
        items: ids, in the order shown.
        propensities: probability in (0, 1] with which each item was put at its position; 1 without exploration.
        shown: False for a list of a shadow variant, which nobody saw.
        known: offset of the store's log that its maker had come to; not stored. A list of a user who was forgotten
            behind it is not kept.
    """

    request_id: str
    user_id: str | None
    timestamp: int
    model_version: str
    variant: str
    first_position: int
    items: tuple[str, ...]
    propensities: tuple[float, ...]
    shown: bool = True
    known: int = field(default=0, compare=False)
