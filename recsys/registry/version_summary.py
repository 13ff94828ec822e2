"""One line of a list of versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recsys.errors import BundleError
from recsys.registry.reader import RegistryReader


@dataclass(frozen=True)
class VersionSummary:
    """A version in short: on the command line and over HTTP the same.

    Attributes:
        events, items: what it learned from.
        problem: what a quick look finds wrong with it; where it cannot be read at all, nothing else is known of it.
    """

    version: str
    created_at: datetime | None
    parent: str | None
    events: int | None
    items: int | None
    metrics: Mapping[str, Any]
    problem: str | None


def summary_of(registry: RegistryReader, version: str) -> VersionSummary:
    """The summary of a version; one that cannot be read is a problem to show, not the end of the list."""
    try:
        manifest = registry.manifest(version)
        problem = registry.fault_of(manifest)
    except BundleError as error:  # also where another process has just removed it
        return VersionSummary(version, None, None, None, None, {}, str(error))
    return VersionSummary(
        version=version,
        created_at=manifest.created_at,
        parent=manifest.parent,
        events=manifest.data.n_events,
        items=manifest.data.n_items,
        metrics=manifest.metrics,
        problem=problem,
    )
