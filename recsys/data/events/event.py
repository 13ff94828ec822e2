"""One line of the log, in the caller's ids, as the API takes it and the stores keep it."""

from dataclasses import dataclass, fields
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Event:
    """What a user did, or was shown.

    Attributes:
        event_id: unique; the same id again is the same event and counts once.
        timestamp: microseconds since 1970 UTC.
        event: impression, click, purchase, like, rating, or a name of the caller's own.
        request_id: the list that the event belongs to.
        position: in that list, from 0.
        propensity: probability in (0, 1] with which the item was put there.
        value: rating, price paid, quantity, seconds read.
        context: further facts as a JSON object in text.
    """

    event_id: str
    user_id: str
    item_id: str
    event: str
    timestamp: int
    request_id: str | None = None
    position: int | None = None
    propensity: float | None = None
    value: float | None = None
    session_id: str | None = None
    context: str | None = None


EVENT_COLUMNS = tuple(field.name for field in fields(Event))
"""Names of the fields, in their order: that of an event as a row."""

event_row = attrgetter(*EVENT_COLUMNS)
"""An event as a tuple of its fields; `Event(*row)` is the way back."""
