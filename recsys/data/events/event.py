"""One line of the log, in the caller's ids, as the API takes it and the stores keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from operator import attrgetter
from typing import Any

from recsys.errors import check_kind

_WANTED: Mapping[str, tuple[Any, str]] = {
    **dict.fromkeys(("event_id", "user_id", "item_id", "event"), (str, "is text")),
    "timestamp": (Integral, "is a whole number of microseconds since 1970 UTC, such as int(1e6 * time.time())"),
    **dict.fromkeys(("request_id", "session_id", "context"), (str | None, "is text")),
    "position": (Integral | None, "is a whole number from 0"),
    **dict.fromkeys(("propensity", "value"), (Real | None, "is a number")),
}
"""What each field is, and in words."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a user did, or was shown.

    Attributes:
        event_id: unique; the same id again is the same event and counts once.
        timestamp: microseconds since 1970 UTC (files and HTTP take ISO 8601, seconds and milliseconds).
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

    def check_kinds(self) -> None:
        """Refuse a field of another kind. Raises ConfigError."""
        for name, (kind, words) in _WANTED.items():
            check_kind(getattr(self, name), kind, f"event {self.event_id!r}: {name} {words}")


EVENT_COLUMNS = tuple(field.name for field in fields(Event))
"""Names of the fields, in their order: that of an event as a row."""

event_row = attrgetter(*EVENT_COLUMNS)
"""An event as a tuple of its fields; `Event(*row)` is the way back."""
