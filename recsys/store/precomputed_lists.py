"""What every place for ranked lists that a batch made, for look-up by id, promises."""

from collections.abc import Iterable
from typing import Protocol


class PrecomputedLists(Protocol):
    """One list for each id; all of them come from one batch.

    A list is a JSON object in text: `model_version`, `made_at` (ISO 8601) and `items`, each with `item_id`, `score`,
    `p_click`, `p_purchase`, `sources`. All methods raise `StoreError` when the place cannot be reached or refuses.
    """

    def replace(self, lists: Iterable[tuple[str, str]]) -> int:
        """Put these lists (id and content) in the place of all others; returns how many.

        A reader meanwhile, or after a crash, sees either the old lists or the new ones.
        """
        ...

    def get(self, id_: str) -> str | None:
        """The list of an id."""
        ...

    def forget(self, id_: str) -> None:
        """Remove the list of an id."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
