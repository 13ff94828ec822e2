"""A version with what happened since it was trained: from newer files, or from the store of a server."""

import hashlib
import threading
from dataclasses import dataclass

from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.items.item_changes import ItemChange
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.loaded_version import PAGE, LoadedVersion
from recsys.pipeline.recommender.matching import with_available_items_of, with_newer_events
from recsys.pipeline.recommender.recommend import Recommender
from recsys.progress import Progress, silent
from recsys.store import Store


@dataclass(frozen=True)
class CaughtUp:
    """A version and what it knows now.

    Attributes:
        recommender: with the events and items since its training.
        fingerprint: of all that it knows.
        changes: of items since its training, in the order in which they give new items their numbers.
    """

    recommender: Recommender
    fingerprint: str
    changes: tuple[ItemChange, ...] = ()

    @property
    def n_events(self) -> int:
        """How many it knows."""
        return sum(map(len, self.recommender.scoring.state.segments))

    @classmethod
    def as_trained(cls, bundle: Bundle) -> "CaughtUp":
        """With nothing new."""
        return cls(Recommender(bundle), bundle.fingerprint)

    @classmethod
    def with_files(cls, bundle: Bundle, dataset: Dataset, progress: Progress = silent) -> "CaughtUp":
        """With the newer events of a data set, and which of its items are available.

        Raises:
            DataError: more kinds of events than there are numbers for.
        """
        return cls.as_trained(with_available_items_of(with_newer_events(bundle, dataset, progress), dataset, progress))

    @classmethod
    def with_store(cls, bundle: Bundle, store: Store, progress: Progress = silent) -> "CaughtUp":
        """With the events, the changes of items and the forgotten users of a store, as a server would have them.

        Raises:
            StoreError: the store cannot be reached.
        """
        version = LoadedVersion.of(Recommender(bundle), store)
        changes = _item_changes(store)
        version.change_items(changes, threading.Lock())  # nobody else has it
        version.catch_up(store)
        usable = tuple(change for change in changes if change.item_id not in version.refused)
        digest = hashlib.sha256(f"{bundle.fingerprint} {version.log} {version.offset}".encode())
        for change in usable:
            digest.update(f"{change.item_id!r} {change.content!r}".encode())
        known = cls(version.recommender, digest.hexdigest(), usable)
        progress(f"the store has beyond version {bundle.version}: {known._beyond(bundle)}")
        if version.missed:
            progress(f"{counted(len(version.missed), 'event is', 'events are')} of items that nobody has put")
        return known

    def _beyond(self, bundle: Bundle) -> str:
        """What it knows that the version did not, in words."""
        n_new = len(self.recommender.catalogue) - len(bundle.catalogue)
        return ", ".join(
            [
                counted(self.n_events - len(bundle.log), "event"),
                counted(n_new, "new item"),
                counted(len(self.recommender.users.forgotten), "forgotten user"),
            ]
        )


def _item_changes(store: Store) -> list[ItemChange]:
    changes: list[ItemChange] = []
    offset = 0
    while page := store.read_items(offset, PAGE):
        changes.extend(change for _, change in page)
        offset = page[-1][0]
    return changes
