"""Which versions are to be served, and how one is loaded."""

import logging
import threading
from collections.abc import Callable, Collection, Sequence

from recsys.config import VariantConfig
from recsys.data.requests.request import Request
from recsys.errors import ConfigError
from recsys.pipeline.recommender.bundle import check_pseudonyms, trained_config
from recsys.pipeline.recommender.loaded_version import LoadedVersion, has_same_item_numbers
from recsys.pipeline.recommender.recommend import Recommender
from recsys.registry import Registry
from recsys.store import Store
from serving.versions.snapshots import SnapshotKeeper

logger = logging.getLogger("recsys.serving")


def check_privacy(pseudonymise: bool, registry: Registry, version: str) -> None:
    """Refuse a version that would have user ids stored as they are, where pseudonyms are asked for.

    Raises:
        BundleError: there is no such version, or its manifest is damaged or of another release.
        ConfigError: the version was trained on user ids; or on pseudonyms, and the environment lacks their key.
    """
    if pseudonymise and not trained_config(registry, version).privacy.pseudonymise:
        raise ConfigError(
            f"privacy.pseudonymise = true, but version {version} was trained on user ids; "
            "train again with it, or set it to false"
        )
    check_pseudonyms(registry, version)


class VersionLoader:
    """Says what the registry has for a variant, and loads it as far as a snapshot goes.

    Args:
        keeper: finds the snapshots.
        pseudonymise: whether versions that know users by their ids are refused.
        forget: called with digests of users whom a loaded version must forget.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        keeper: SnapshotKeeper,
        *,
        pseudonymise: bool,
        forget: Callable[[Collection[str]], None],
    ) -> None:
        self._registry = registry
        self._store = store
        self._keeper = keeper
        self._pseudonymise = pseudonymise
        self._forget = forget

    def stamp(self, variants: Sequence[VariantConfig]) -> object:
        """What changes when CURRENT is replaced, or, where a variant is not the current version, one is published."""
        others = any(variant.version != "current" for variant in variants)
        versions = self._registry.versions() if others else []
        try:
            status = self._registry.current_file.stat()
        except FileNotFoundError:
            return versions
        return status.st_mtime_ns, status.st_ino, versions

    def wanted(self, variant: VariantConfig) -> str:
        """The version that a variant names.

        Raises:
            BundleError: there is no such version, or none is current.
        """
        if variant.version == "current":
            return self._registry.resolve(None)
        versions = self._registry.versions()
        if variant.version == "newest" and versions:
            return versions[-1]
        return self._registry.resolve(variant.version)

    def load(self, version: str) -> LoadedVersion:
        """A version that can answer; what the store has beyond its training, or its snapshot, is yet to be read.

        Raises:
            BundleError: there is no such version, or it is damaged.
            ConfigError: it knows users by their ids, where pseudonyms are asked for.
        """
        check_privacy(self._pseudonymise, self._registry, version)
        recommender = Recommender.load(self._registry.path, version).by_the_clock()
        served = self._restored(LoadedVersion.of(recommender, self._store, self._forgot))
        served.recommender.recommend(Request(n=1))  # compiled loops are there before anyone waits for them
        return served

    def _restored(self, served: LoadedVersion) -> LoadedVersion:
        """A version that was just loaded as far as a snapshot of its events goes; as it is, where none can be used."""
        found = self._keeper.find(served)
        if found is None:
            return served
        snapshot, events = found
        if events.items:  # first in their old state, so that they get the same numbers
            served.change_items(list(events.items), threading.Lock())  # nobody else has it yet
        if not has_same_item_numbers(served, events):
            self._keeper.refuse(served, snapshot.ids, "items that came since are numbered otherwise")
            return served
        logger.info("%s: events up to offset %d are from a snapshot", served.version, snapshot.offset)
        return served.with_snapshot(events, snapshot)

    def _forgot(self, offset: int, digests: set[str]) -> None:
        self._forget(digests)
        self._keeper.forget(offset)
