"""What every stream that events come from promises."""

from collections.abc import Sequence
from typing import Protocol

from recsys.data.events.event_messages import Message


class Stream(Protocol):
    """Messages of one group of readers: each is delivered until it is acknowledged, perhaps more than once.

    All methods raise `StoreError` when the broker cannot be reached or refuses.
    """

    def read(self, seconds: float) -> list[Message]:
        """The next messages, none if none comes within the time. A reader that has just joined a group waits for that
        first."""
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge the messages of the last `read`, which are then not delivered again."""
        ...

    def close(self) -> None:
        """Close connections. What was read and not acknowledged is delivered again, to the next reader."""
        ...
