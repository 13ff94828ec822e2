"""More versions for a test's registry."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recsys.registry import Description, Registry


def publish_copy(registry: Registry, version: str, *, promote: bool, **policy: Any) -> str:
    """Publish the files of a version once more, under a new name and perhaps with another policy."""
    copy = VersionCopy.of(registry, version)
    config = {**copy.description.config, "policy": {**copy.description.config["policy"], **policy}}
    copy = replace(copy, description=replace(copy.description, config=config))
    return registry.publish(copy, parent=version) if promote else registry.add(copy, parent=version)


@dataclass(frozen=True)
class VersionCopy:
    """A version, to be published once more.

    Attributes:
        edit: changes the files of the copy.
    """

    folder: Path
    description: Description
    edit: Callable[[Path], object] = lambda folder: None

    @classmethod
    def of(cls, registry: Registry, version: str) -> "VersionCopy":
        """A copy that changes nothing."""
        manifest = registry.manifest(version)
        return cls(
            registry.path_of(version),
            Description(manifest.data, manifest.config, manifest.metrics, manifest.feature_names, manifest.store),
        )

    def save(self, folder: Path) -> None:
        """Copy its files, and change them."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        self.edit(folder)


def damage(registry: Registry, version: str) -> Path:
    """Change one byte of one file of a version."""
    name = max(registry.manifest(version).files.items(), key=lambda entry: entry[1].size)[0]
    file = registry.path / "versions" / version / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file
