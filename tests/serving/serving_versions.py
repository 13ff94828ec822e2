"""More versions for a test's registry."""

import shutil
from pathlib import Path

from recsys.registry import Description, Registry


def publish_copy(registry: Registry, version: str, *, promote: bool) -> str:
    """Publish the files of a version once more, under a new name."""
    manifest = registry.manifest(version)
    with registry.stage() as folder:
        shutil.copytree(registry.path_of(version), folder, dirs_exist_ok=True)
        description = Description(
            manifest.data, manifest.config, manifest.metrics, manifest.feature_names, manifest.store
        )
        return registry.publish_folder(folder, description, parent=version, promote=promote, why="a copy")


def damage(registry: Registry, version: str) -> Path:
    """Change one byte of one file of a version."""
    name = max(registry.manifest(version).files.items(), key=lambda entry: entry[1].size)[0]
    file = registry.path / "versions" / version / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file
