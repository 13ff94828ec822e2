"""What every store of items promises."""

from collections.abc import Sequence
from typing import Protocol

from recsys.data.items.item_changes import ItemChange


class ItemStore(Protocol):
    """The newest change of each item that was added, changed or deleted since training.

    Offsets are positive and grow with every change; an item's newest change replaces the earlier one, so that a reader
    from 0 meets each item once. All methods raise `StoreError` when the store cannot be reached or refuses.
    """

    def put_items(self, changes: Sequence[ItemChange]) -> None:
        """Keep changes, all or none; they survive a crash from the moment this returns."""
        ...

    def read_items(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, ItemChange]]:
        """At most `limit` changes with an offset above `after`, in the order of their offsets.

        No new change gets an offset up to `after`, see `EventLog.read`.
        """
        ...
