"""The registry of trained versions: verified, published atomically, rolled back by moving a pointer.

reader                  which versions there are, which one is current, and their files
staging                 locks, staged folders, errors: what keeps writers apart
registry                publishes, promotes, rolls back and removes versions
manifest, history       what a version is made of; who became current when, and why
version_names, version_summary, compare, history_page   how versions are named, summarised, compared, and shown
remote                  versions to a URL and back
snapshots               live events of a server
"""

from recsys.registry.history import Check, Refusal, Skip, VersionChange
from recsys.registry.manifest import DataRecord, Description, Manifest, StoreMark
from recsys.registry.registry import Publishable, Registry
from recsys.registry.snapshots import SnapshotRecord, Snapshots
from recsys.registry.version_summary import VersionSummary, summary_of

__all__ = [
    "Check",
    "DataRecord",
    "Description",
    "Manifest",
    "Publishable",
    "Refusal",
    "Registry",
    "Skip",
    "SnapshotRecord",
    "Snapshots",
    "StoreMark",
    "VersionChange",
    "VersionSummary",
    "summary_of",
]
