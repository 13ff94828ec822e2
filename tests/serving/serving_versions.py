"""More versions for a test's registry."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.registry import Description, Manifest, Registry


def publish_copy(registry: Registry, version: str, *, promote: bool, **policy: Any) -> str:
    """Publish the files of a version once more, under a new name and perhaps with another policy."""
    manifest = registry.manifest(version)
    config = {**manifest.config, "policy": {**manifest.config["policy"], **policy}}
    with registry.stage() as folder:
        shutil.copytree(registry.path_of(version), folder, dirs_exist_ok=True)
        if promote:
            return registry.publish_folder(folder, described(manifest, config), parent=version, why="a copy")
        return registry.add_folder(folder, described(manifest, config), parent=version)


def described(manifest: Manifest, config: Mapping[str, Any] | None = None) -> Description:
    """What the manifest of a copy says, perhaps with another config."""
    return Description(
        manifest.data, config or manifest.config, manifest.metrics, manifest.feature_names, manifest.store
    )


def damage(registry: Registry, version: str) -> Path:
    """Change one byte of one file of a version."""
    name = max(registry.manifest(version).files.items(), key=lambda entry: entry[1].size)[0]
    file = registry.path / "versions" / version / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file
