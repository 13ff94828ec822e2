"""Another reading of the data in the numbers of a version: users, items and events are matched by id."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.data.dataset import Dataset
from recsys.data.interactions import InteractionLog
from recsys.pipeline.bundle import Bundle


@dataclass(frozen=True)
class Matched:
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
    def of(cls, bundle: Bundle, dataset: Dataset) -> "Matched":
        """Match a data set to a version."""
        log = dataset.log
        user_ids = log.user_vocabulary.ids(range(log.n_users))
        vocabulary = bundle.log.user_vocabulary.extended(user_ids)
        users = vocabulary.numbers(user_ids)
        items = bundle.catalogue.vocabulary.numbers(dataset.catalogue.vocabulary.ids(range(len(dataset.catalogue))))
        names = tuple(dict.fromkeys((*bundle.log.event_names, *log.event_names)))
        codes = np.array([names.index(name) for name in log.event_names], dtype=np.int8)
        kept = log.select(items[log.items] >= 0)
        numbered = replace(
            kept,
            user_vocabulary=vocabulary,
            event_names=names,
            n_items=len(bundle.catalogue),
            users=users[kept.users],
            items=items[kept.items],
            events=codes[kept.events],
        )
        return cls(numbered, users, items)
