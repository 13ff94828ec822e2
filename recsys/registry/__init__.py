"""The registry of trained versions: verified, published atomically, rolled back by moving a pointer.

reader is what may be asked of it, registry what changes it, over manifest, history and version_names; writer keeps
whoever writes apart from others. remote takes versions elsewhere, snapshots keeps live events; summary, compare and
history_page say what is there.
"""

from recsys.registry.history import Check, Refusal, Skip, VersionChange
from recsys.registry.manifest import DataRecord, Description, Manifest, StoreMark
from recsys.registry.registry import Publishable, Registry
from recsys.registry.snapshots import SnapshotRecord, Snapshots
from recsys.registry.summary import VersionSummary, summary_of

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
