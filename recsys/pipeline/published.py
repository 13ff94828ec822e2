"""A published version, as other processes open it."""

from dataclasses import dataclass, replace
from pathlib import Path

from recsys.data.interactions import InteractionLog
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.recommend import Recommender
from recsys.registry import Registry


@dataclass(frozen=True)
class Published:
    """Where a version is; processes of one machine that open it share its arrays as mapped files.

    Attributes:
        registry: where the version is.
        version: its name.
        log: folder of a log (`InteractionLog.save`) that stands in for the version's own; None: its own.
    """

    registry: Path
    version: str
    log: Path | None = None

    def open(self) -> Recommender:
        """Load it.

        Raises:
            BundleError: it is not there, or damaged.
        """
        bundle = Bundle.load(Registry(self.registry), self.version)
        if self.log is not None:
            bundle = replace(bundle, log=InteractionLog.load(self.log, len(bundle.catalogue)))
        return Recommender(bundle)
