"""What every store promises about one user's events: to show them, and to forget them."""

from typing import Protocol

from recsys.data.events.event import Event
from recsys.data.users.forget import Forgotten


class UserStore(Protocol):
    """All methods raise `StoreError` when the store cannot be reached or refuses."""

    def events_of(self, user_id: str, limit: int = 1_000) -> list[Event]:
        """The newest `limit` stored events of a user, oldest first."""
        ...

    def count_of(self, user_id: str) -> int:
        """How many events of a user are stored."""
        ...

    def forget(self, user_id: str) -> int:
        """Remove a user's events for good and leave a mark for those who have read them; returns how many there were.

        The mark has an offset of its own among those of the events: events behind it are of a user who came back.
        """
        ...

    def read_forgotten(self, after: int = 0) -> list[tuple[int, Forgotten]]:
        """All marks with an offset above `after`, in the order of their offsets."""
        ...
