"""The registry of trained versions: verified, published atomically, rolled back by moving a pointer."""

from recsys.registry.manifest import DataRecord, Manifest, StoreMark
from recsys.registry.registry import Registry

__all__ = ["DataRecord", "Manifest", "Registry", "StoreMark"]
