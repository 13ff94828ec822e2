"""Exchanges versions when the registry changes, while answers go on."""

import logging
import math
import time
from collections.abc import Sequence

from recsys.config import VariantConfig
from recsys.errors import RecsysError, StoreError
from recsys.pipeline.recommender.loaded_version import LoadedVersion
from serving.versions.following import StoreFollower
from serving.versions.loading import VersionLoader
from serving.versions.locks import Locks
from serving.versions.served import ServedVersions
from serving.watching.metrics import Metrics

logger = logging.getLogger("recsys.serving")

RETRY_SECONDS = 5.0
"""Pause before the next try, if a load failed while nothing is served, or must wait for the store."""

REFUSED_SECONDS = 60.0
"""Pause before the next try, if a version was refused while another one is served: it may have been mended in place."""


class VersionRefresher:
    """Has each variant answer from the version that it names.

    Args:
        served: which version answers whom.
        loader: says what the variants name, and loads it.
        follower: has a loaded version take in what the store holds.
        reads_texts: whether a version that takes the place of another one can read texts at once.
    """

    def __init__(
        self,
        served: ServedVersions,
        locks: Locks,
        loader: VersionLoader,
        follower: StoreFollower,
        metrics: Metrics,
        *,
        reads_texts: bool,
    ) -> None:
        self._served = served
        self._locks = locks
        self._loader = loader
        self._follower = follower
        self._metrics = metrics
        self._reads_texts = reads_texts
        self._last_stamp: object = None
        self._retry_at = math.inf

    def refresh(self, *, at_once: bool = False) -> None:
        """Load what the variants name, if the registry has changed; what is served stays when that fails.

        A failed load is tried again: memory or a disk may be back, and a damaged version may have been repaired.

        Args:
            at_once: try again now what has failed before.
        """
        with self._locks.reloading:
            stamp = self._loader.stamp(self._served.variants)
            if stamp == self._last_stamp and not at_once and time.monotonic() < self._retry_at:
                return
            self._last_stamp = stamp
            waits = [self._load_wanted(variant) for variant in self._served.variants]
            if self._served.first is None:
                waits.append(RETRY_SECONDS)
                logger.error("no version is served; it is tried again in %g s", RETRY_SECONDS)
            self._retry_at = time.monotonic() + min(waits)

    def reload(self, served: LoadedVersion) -> None:
        """Load a version once more and exchange it, if it still answers for a variant."""
        with self._locks.reloading:
            names = self._served.variants_of(served)
            if names:
                self._exchange(names, self._prepared(served.version))

    def load(self, version: str) -> LoadedVersion:
        """Another version, which knows what the served one knows of stored events and items.

        Raises:
            BundleError: there is no such version, or it is damaged.
            ConfigError: it knows users by their ids, where pseudonyms are asked for.
            StoreError: the store does not answer.
        """
        other = self._loader.load(version)
        self.catch_up(other)
        return other

    def catch_up(self, other: LoadedVersion) -> None:
        """Have a version from `load` take in what was stored since. One caller at a time.

        Raises:
            StoreError: the store does not answer.
        """
        _check_store(self._follower.replay(other))

    def _load_wanted(self, variant: VariantConfig) -> float:
        """Serve what a variant names; the seconds after which to try again, infinite where that has worked."""
        before = self._served.of_variant(variant.name)
        kept = before.version if before else "nothing"
        try:
            version = self._loader.wanted(variant)
            if before is None or before.version != version:
                if self._served.each():  # which say so; before the first one is loaded, nobody has asked
                    _check_store(self._follower.store_answers)
                self._exchange([variant.name], self._served.find(version) or self._prepared(version))
        except StoreError as error:
            logger.warning("%s: another version waits; serving %s: %s", variant.name, kept, error)
            return RETRY_SECONDS
        except Exception as error:
            self._metrics.refused.inc()
            trace = None if isinstance(error, RecsysError) else error  # which says itself what is wrong, and where
            logger.error("%s: the version was refused, serving %s: %s", variant.name, kept, error, exc_info=trace)
            return REFUSED_SECONDS
        return math.inf

    def _prepared(self, version: str) -> LoadedVersion:
        """A version, loaded. It gets ready for texts where another one answers meanwhile; the first one answers before.

        Raises as `VersionLoader.load`.
        """
        loaded = self._loader.load(version)
        if self._reads_texts and self._served.each():
            loaded.prepare()
        return loaded

    def _exchange(self, variants: Sequence[str], new: LoadedVersion) -> None:
        """Serve from the new version. Most of the replay runs while the old one answers, only its end under the locks.

        The old one is freed when the last list from it is made: nothing else holds it.
        """
        if self._served.find(new.version) is not new:
            self._follower.replay(new)
        with self._locks.updating, self._locks.observing:
            _check_store(self._follower.replay(new))
            self._served.exchange(variants, new)
        self._metrics.note_versions(self._served.names())
        logger.info("%s serves version %s", ", ".join(variants), new.version)


def _check_store(answers: bool) -> None:
    """Refuse to serve a version that cannot learn who is forgotten and what is deleted.

    Raises:
        StoreError: the store does not answer.
    """
    if not answers:
        raise StoreError(
            "the event store does not answer, and only it knows what was deleted since the version was made; see that "
            "it runs, and try again"
        )
