"""What differs between two versions, from their manifests."""

from collections.abc import Iterator, Mapping
from typing import Any

from recsys.registry.manifest import Manifest

_COMPARED = ("parent", "data", "store", "config", "metrics", "feature_names", "libraries")


def differences(first: Manifest, second: Manifest) -> dict[str, tuple[Any, Any]]:
    """Every dotted key whose value differs: its value in the first and in the second, None where it is missing."""
    ours, theirs = (
        dict(flat(manifest.model_dump(mode="json", include=set(_COMPARED)))) for manifest in (first, second)
    )
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested keys joined with dots, and their values."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
