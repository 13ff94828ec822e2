"""A data set in the numbers of a version: users, items and names of events are matched by id."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.events.events_table import extended_names
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.merging import merge_logs
from recsys.pipeline.recommender.bundle import Bundle
from recsys.progress import Progress, silent


@dataclass(frozen=True)
class MatchedDataset:
    """A data set as a version sees it.

    Attributes:
        log: the events of items that the version knows, in its numbers; new users come behind.
        users: (n_users of the data set,) number of each user in `log`.
        items: (n_items of the data set,) number of each item in the version, -1 where it does not know it.
    """

    log: InteractionLog
    users: NDArray[np.int32]
    items: NDArray[np.int32]

    @classmethod
    def of(cls, bundle: Bundle, dataset: Dataset) -> "MatchedDataset":
        """Match a data set to a version.

        Raises:
            DataError: more kinds of events than there are numbers for.
        """
        log = dataset.log
        user_ids = list(log.user_vocabulary)
        vocabulary = bundle.log.user_vocabulary.extended(user_ids)
        users = vocabulary.numbers(user_ids)
        items = bundle.catalogue.vocabulary.numbers(dataset.catalogue.vocabulary)
        kept = with_event_names_of(bundle.log, log).select(items[log.items] >= 0)
        numbered = replace(
            kept,
            user_vocabulary=vocabulary,
            n_items=len(bundle.catalogue),
            users=users[kept.users],
            items=items[kept.items],
        )
        return cls(numbered, users, items)


def with_event_names_of(known: InteractionLog, log: InteractionLog) -> InteractionLog:
    """A log with the event names of a known log first, its own new ones behind.

    Raises:
        DataError: more kinds of events than there are numbers for.
    """
    names = extended_names(known.event_names, log.event_names, "version and data set")
    codes = names.numbers(log.event_names).astype(np.int8)
    return replace(log, event_names=tuple(names), events=codes[log.events])


def with_newer_events(bundle: Bundle, dataset: Dataset, progress: Progress = silent) -> Bundle:
    """The version with the newer events of a data set.

    Events of items that the version does not know are left out, and counted.

    Raises:
        DataError: more kinds of events than there are numbers for.
    """
    newer = MatchedDataset.of(bundle, dataset).log.after(bundle.data_record.end)
    n_newer = len(dataset.log.after(bundle.data_record.end))
    found = f"{counted(n_newer, 'event is', 'events are')} newer than version {bundle.version}"
    n_unknown = n_newer - len(newer)
    progress(f"{found}; left out, because it does not know their items: {n_unknown:,}" if n_unknown else found)
    return replace(bundle, log=merge_logs(bundle.log, newer), fingerprint=dataset.fingerprint)


def with_available_items_of(bundle: Bundle, dataset: Dataset, progress: Progress = silent) -> Bundle:
    """The version, in which only items that are available in a data set may be recommended, as after a training on
    it."""
    numbers = bundle.catalogue.vocabulary.numbers(dataset.catalogue.frame["item_id"])
    known = numbers >= 0
    available, gone = np.zeros(len(bundle.catalogue), dtype=bool), np.full(len(bundle.catalogue), np.inf)
    available[numbers[known]], gone[numbers[known]] = dataset.catalogue.available[known], dataset.catalogue.gone[known]
    if n_new := int(np.count_nonzero(~known)):
        new = counted(n_new, "item is", "items are")
        progress(f"{new} new to version {bundle.version}; they can be listed after a training")
    if n_gone := int(np.count_nonzero(bundle.catalogue.available & ~available)):
        progress(f"{counted(n_gone, 'item is', 'items are')} not available any more, or gone")
    return replace(bundle, catalogue=bundle.catalogue.with_availability(available, gone))
