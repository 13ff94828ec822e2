"""What every store of events promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from recsys.data.events.event import Event


@dataclass(frozen=True)
class AppendResult:
    """What became of the events of one call.

    Attributes:
        is_new: of each event, whether it is now in the log for the first time.
    """

    is_new: tuple[bool, ...]

    @property
    def accepted(self) -> int:
        """How many are in the log for the first time."""
        return sum(self.is_new)

    @property
    def duplicates(self) -> int:
        """How many have an event_id that was there before, or came twice in the call."""
        return len(self.is_new) - self.accepted


class EventLog(Protocol):
    """A log of events that are added and never changed. Safe to use from many threads and processes.

    Offsets are positive, grow with every accepted event and are never used twice. A reader that has seen an offset has
    seen every event with a smaller one, so `read(after=last seen)` in a loop misses nothing.

    All methods raise `StoreError` when the store cannot be reached or refuses.
    """

    @property
    def identity(self) -> str:
        """A name that is made with the log: offsets are valid only together with it.

        A reader that finds another name than before starts over: the log was replaced.
        """
        ...

    def append(self, events: Sequence[Event]) -> AppendResult:
        """Add events, all or none; they survive a crash from the moment this returns. A known event_id counts once."""
        ...

    def read(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, Event]]:
        """At most `limit` events with an offset above `after`, in the order of their offsets.

        No new event gets an offset up to `after`, even if the log was restored from a backup that does not know these
        offsets.
        """
        ...

    def last_offset(self) -> int:
        """The offset of the newest event, 0 when there is none."""
        ...

    def reserve(self, offset: int) -> None:
        """Give no new event an offset up to this one, as after a `read` from there."""
        ...

    def close(self) -> None:
        """Close connections. Closing twice is fine."""
        ...
