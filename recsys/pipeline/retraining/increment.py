"""What came since a version was trained: from the server's store, or in a data set that reaches beyond its log."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import TypeVar

from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import change_fitting_items
from recsys.data.loading import append_events
from recsys.data.users.forget import Forgotten, user_digest, without_users
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.continued import renumbered
from recsys.progress import Progress
from recsys.registry import StoreMark
from recsys.store import Store, read_log

_PAGE = 10_000

_Stored = TypeVar("_Stored")


@dataclass(frozen=True)
class Increment:
    """The data of the served version, the champion, and what came since.

    Attributes:
        dataset: all of it, in numbers that extend the champion's.
        n_events: how many events of it are new.
        n_positives: how many of these are positive. Impressions are not, because the served version causes them.
        n_unusable: further new events that were set aside.
        set_aside: changes of items that could not be used, a sentence for each.
        digests: `user_digest` of the users who are to be forgotten.
        read: how far into the store's log it reaches; None if no store was ever read.
    """

    dataset: Dataset
    n_events: int
    n_positives: int
    n_unusable: int
    set_aside: tuple[str, ...]
    digests: Collection[str]
    read: StoreMark | None

    @classmethod
    def from_store(cls, champion: Bundle, store: Store, progress: Progress) -> "Increment":
        """Items, events and users to be forgotten that the store holds beyond the champion's log.

        Raises:
            StoreError: the store cannot be read.
        """
        mark = champion.store
        start = mark.offset if mark is not None and mark.identity == store.identity else 0
        events, digests, offset = _read(store, start)
        changes = [change for _, change in _pages(store.read_items, 0)]  # after the events, which may be of new items
        catalogue, set_aside = change_fitting_items(champion.catalogue, changes)
        events = [*_passed_over(store, start, champion.catalogue, catalogue), *events]
        pseudonyms = Pseudonyms.of_config(champion.config.privacy)
        if pseudonyms is not None:  # a server without them may have written to the store
            events = [replace(event, user_id=pseudonyms.of(event.user_id)) for event in events]
        log = without_users(replace(champion.log, n_items=len(catalogue)), digests)
        n_items = len(catalogue) - len(champion.catalogue)
        found = (
            counted(len(events), "stored event"),
            counted(n_items, "new item"),
            counted(len(digests), "forgotten user"),
        )
        progress(f"since version {champion.version}: {', '.join(found)}")
        known = Dataset(catalogue, log, profiles=champion.sources.without_users(digests).user_profiles)
        dataset = append_events(known, events, champion.config)
        return cls(
            dataset=replace(dataset, n_rejected=champion.n_rejected),
            n_events=len(dataset.log) - len(log),
            n_positives=len(dataset.log.positive()) - len(log.positive()),
            n_unusable=dataset.n_rejected,
            set_aside=set_aside,
            digests=digests,
            read=StoreMark(identity=store.identity, offset=offset),
        )

    @classmethod
    def from_data(cls, champion: Bundle, dataset: Dataset) -> "Increment":
        """What a data set holds beyond the champion's log.

        Raises:
            DataError: more kinds of events than there are numbers for.
        """
        new = dataset.log.after(champion.data_record.end)
        return cls(
            dataset=renumbered(dataset, champion),
            n_events=len(new),
            n_positives=len(new.positive()),
            # Bad rows of the old data are no fault of the new data.
            n_unusable=max(0, dataset.n_rejected - champion.n_rejected),
            set_aside=(),
            digests=(),
            read=champion.store,
        )


def _read(store: Store, after: int) -> tuple[list[Event], set[str], int]:
    """All events beyond an offset, who was forgotten since, and the offset of the last entry.

    Events that were read before their user was forgotten are left out; those of one who came back are not.
    """
    events: list[Event] = []
    forgotten: dict[str, int] = {}
    for offset, entry in _pages(partial(read_log, store), after):
        if isinstance(entry, Forgotten):
            forgotten[entry.user_digest] = len(events)
        else:
            events.append(entry)
        after = offset
    if forgotten:
        events = [event for at, event in enumerate(events) if at >= forgotten.get(user_digest(event.user_id), 0)]
    return events, set(forgotten), after


def _passed_over(store: Store, until: int, before: ItemCatalogue, now: ItemCatalogue) -> list[Event]:
    """Events up to an offset whose items came later: earlier trainings left them out, not knowing the items."""
    new = {*now.vocabulary.ids(range(len(before), len(now)))}
    known = takewhile(lambda entry: entry[0] <= until, _pages(store.read, 0)) if new and until else ()
    return [event for _, event in known if event.item_id in new]


def _pages(read: Callable[[int, int], list[tuple[int, _Stored]]], after: int) -> Iterator[tuple[int, _Stored]]:
    while page := read(after, _PAGE):
        yield from page
        after = page[-1][0]
