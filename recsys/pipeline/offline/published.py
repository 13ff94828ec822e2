"""A published version with the events of a batch run, for other processes to open."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.segment_files import load_segment, save_segment
from features.state import EventState
from recsys.arrays.npy import load_array, save_array
from recsys.data.items.item_changes import ItemChange
from recsys.data.log.interactions import InteractionLog
from recsys.errors import DataError
from recsys.pipeline.offline.caught_up import CaughtUp
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry

_NAMES, _AVAILABLE, _GONE, _SINCE = "names", "available.npy", "gone.npy", "since.json"


@dataclass(frozen=True)
class PublishedVersion:
    """Where a version is, and the events that it ranks by. Processes of one machine that open it share arrays and
    feature sums as mapped files, so their memory does not grow with the log.

    Attributes:
        registry: where the version is.
        version: its name.
        fingerprint: of the data that the events are from.
        events: a folder that `of` has filled.
    """

    registry: Path
    version: str
    fingerprint: str
    events: Path

    @classmethod
    def of(cls, known: CaughtUp, registry: Path, events: Path) -> "PublishedVersion":
        """Write what a version knows, which lies in the registry, into a new folder.

        Raises:
            DataError: that is not possible.
        """
        recommender, bundle = known.recommender, known.recommender.bundle
        now = recommender.events()
        changes = [(change.item_id, change.content) for change in known.changes]
        since = {"changes": changes, "forgotten": sorted(now.forgotten), "n_items": now.n_items}
        try:
            events.mkdir(parents=True)
            save_segment(events, now.segments, bundle.features.measures)
            names = replace(bundle.log, user_vocabulary=now.users, event_names=now.event_names)
            names.save_names(events / _NAMES)
            save_array(events / _AVAILABLE, bundle.catalogue.available)
            save_array(events / _GONE, bundle.catalogue.gone)
            (events / _SINCE).write_text(json.dumps(since), encoding="utf-8")
        except OSError as error:
            raise DataError(f"{events} cannot be written: {error}; check the folder and its disk's room") from error
        return cls(registry, bundle.version, known.fingerprint, events)

    def open(self) -> Recommender:
        """Load it.

        Raises:
            BundleError: it is not there, or damaged.
        """
        bundle = Bundle.load(Registry(self.registry), self.version)
        since = json.loads((self.events / _SINCE).read_bytes())
        users, names = InteractionLog.load_names(self.events / _NAMES)
        segment = load_segment(self.events, self.events.name, users, names, since["n_items"])
        available, gone = load_array(self.events / _AVAILABLE), load_array(self.events / _GONE)
        known = bundle.catalogue
        if not (np.array_equal(available, known.available) and np.array_equal(gone, known.gone)):
            bundle = replace(bundle, catalogue=known.with_availability(available, gone))
        bundle = replace(bundle, log=segment.log, fingerprint=self.fingerprint)
        recommender = Recommender(bundle, EventState(segment))
        if since["changes"]:
            changes = [ItemChange(*change) for change in since["changes"]]
            recommender = recommender.with_scoring(recommender.scoring.updated(changes))
        # In the names that were saved, forgotten users have none any more, and those who came back a new one.
        recommender.users = replace(recommender.users, forgotten=frozenset(since["forgotten"]))
        return recommender
