"""A published version with the events of a batch run, for other processes to open."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.segment import Segment
from features.segment_files import load_segment, save_segment
from features.state import EventState
from recsys.arrays.npy import load_array, save_array
from recsys.data.log.interactions import InteractionLog
from recsys.errors import DataError
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry

_NAMES, _AVAILABLE, _GONE = "names", "available.npy", "gone.npy"


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
    def of(cls, bundle: Bundle, registry: Path, events: Path) -> "PublishedVersion":
        """Write the events of a bundle, of a version that lies in the registry, into a new folder.

        Raises:
            DataError: that is not possible.
        """
        try:
            events.mkdir(parents=True)
            save_segment(events, [Segment(bundle.log)], bundle.features.measures)
            bundle.log.save_names(events / _NAMES)
            save_array(events / _AVAILABLE, bundle.catalogue.available)
            save_array(events / _GONE, bundle.catalogue.gone)
        except OSError as error:
            raise DataError(f"{events} cannot be written: {error}; check the folder and its disk's room") from error
        return cls(registry, bundle.version, bundle.fingerprint, events)

    def open(self) -> Recommender:
        """Load it.

        Raises:
            BundleError: it is not there, or damaged.
        """
        bundle = Bundle.load(Registry(self.registry), self.version)
        users, names = InteractionLog.load_names(self.events / _NAMES)
        segment = load_segment(self.events, self.events.name, users, names, len(bundle.catalogue))
        available, gone = load_array(self.events / _AVAILABLE), load_array(self.events / _GONE)
        known = bundle.catalogue
        if not (np.array_equal(available, known.available) and np.array_equal(gone, known.gone)):
            bundle = replace(bundle, catalogue=known.with_availability(available, gone))
        return Recommender(replace(bundle, log=segment.log, fingerprint=self.fingerprint), EventState(segment))
