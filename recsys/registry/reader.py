"""Reads a registry: versions, which one is current, and their files."""

import os
from pathlib import Path

from recsys.errors import BundleError, check_kind
from recsys.registry.history import HistoryEntry, VersionChange, last_written, read_entries
from recsys.registry.manifest import MANIFEST, Manifest, read_manifest, verify_file, verify_files
from recsys.registry.snapshots import Snapshots
from recsys.registry.version_names import is_version_name

VERSIONS, CURRENT, HISTORY = "versions", "CURRENT", "history.jsonl"
"""Names within a registry, see `recsys.registry.registry`."""

_OWN = frozenset({VERSIONS, CURRENT, HISTORY, "live", "cache", "store.db", ".lock", ".retrain", ".live"})
"""What a registry consists of; other files may lie beside."""


def registry_of(path: Path) -> Path | None:
    """The registry that a file belongs to, which may not be there yet; None where it belongs to none."""
    parents = path.parents
    inside = (folder for folder, part in zip(parents, (path, *parents), strict=False) if part.name in _OWN)
    return next((folder for folder in inside if os.path.isdir(folder / VERSIONS)), None)


class RegistryReader:
    """The versions below one folder, for reading. Nothing is kept in memory: others may write meanwhile."""

    def __init__(self, path: str | Path) -> None:
        check_kind(path, str | os.PathLike, "a registry is the path of its folder, such as 'reg/'")
        self.path = Path(path)
        self._versions = self.path / VERSIONS
        self._history = self.path / HISTORY

    @property
    def current_file(self) -> Path:
        """The file that names the current version; it is replaced, never changed in place."""
        return self.path / CURRENT

    @property
    def is_there(self) -> bool:
        """Whether the folder is a registry, or an empty one that may become it."""
        if not os.path.isdir(self.path):  # Path's own raises where a folder on the way may not be entered
            return False
        found = {entry.name for entry in self._entries(self.path)}
        return not found or not found.isdisjoint((VERSIONS, CURRENT, HISTORY))

    @property
    def vectors_file(self) -> Path:
        """Where text vectors are kept between trainings. No version needs it: without it, they are computed again."""
        return self.path / "cache" / "vectors.sqlite"

    @property
    def studies_file(self) -> Path:
        """Where the trials of `recsys train --tune` are kept, so that an interrupted run can be resumed."""
        return self.path / "cache" / "studies.sqlite"

    @property
    def snapshots(self) -> Snapshots:
        """What servers keep of live events."""
        return Snapshots(self.path)

    def versions(self) -> list[str]:
        """Names of all versions, oldest first; none where there is no registry yet."""
        if not os.path.isdir(self._versions):
            return []
        return sorted(path.name for path in self._entries(self._versions) if is_version_name(path.name))

    def _entries(self, folder: Path) -> list[Path]:
        """What is in a folder.

        Raises:
            BundleError: it may not be read.
        """
        try:
            return [*folder.iterdir()]
        except OSError as error:
            raise BundleError(f"registry {self.path} cannot be read: {error}") from error

    def current(self) -> str | None:
        """The current version, None when none was promoted yet.

        Raises:
            BundleError: CURRENT does not hold a version's name.
        """
        try:
            name = self.current_file.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            remedy = "check its permissions, or remove it and promote a version"
            raise BundleError(f"{self.current_file} cannot be read: {error}; {remedy}") from error
        if not is_version_name(name):
            raise BundleError(
                f"{self.current_file} is damaged: {name[:80]!r} is not a version; promote one to repair it "
                "(`recsys models history` says which was served)"
            )
        return name

    def resolve(self, version: str | None) -> str:
        """The version asked for, or the current one for None.

        Raises:
            BundleError: it does not exist, or there is no current version.
        """
        if version is None:
            version = self.current()
            if version is None:
                first = "promote one" if self.versions() else "run `recsys train` first"
                raise BundleError(f"registry {self.path} has no current version; {first}")
        self._folder(version)
        return version

    def manifest(self, version: str) -> Manifest:
        """The manifest of a version; its files are not checked.

        Raises:
            BundleError: the version does not exist, or its manifest is damaged or too new.
        """
        manifest = read_manifest(self._folder(version))
        if manifest.version != version:
            raise BundleError(
                f"{self._folder(version) / MANIFEST} is of version {manifest.version}, not {version}; name the folder "
                "as the version, or pull it again"
            )
        return manifest

    def path_of(self, version: str) -> Path:
        """The folder of a version after every file's checksum was compared with the manifest.

        Raises:
            BundleError: the version does not exist, is too new, or a file (named) is damaged, missing or too many.
        """
        folder = self._folder(version)
        verify_files(folder, self.manifest(version))
        return folder

    def is_whole(self, version: str) -> bool:
        """Whether a version exists with every file as it was written."""
        try:
            self.path_of(version)
        except BundleError:
            return False
        return True

    def read_file(self, version: str, name: str) -> bytes:
        """One file of a version, after its checksum was compared with the manifest; `name` has slashes.

        Raises:
            BundleError: the version or the file does not exist, or the file is damaged.
        """
        folder, manifest = self._folder(version), self.manifest(version)
        if name not in manifest.files:
            raise BundleError(f"version {version} has no file {name}")
        verify_file(folder / name, manifest.files[name], version)
        return (folder / name).read_bytes()

    def fault_of(self, manifest: Manifest) -> str | None:
        """What a quick look finds wrong with a version's files: one of another size (`path_of` reads them all)."""
        folder = self._folder(manifest.version)
        for name, noted in manifest.files.items():
            file = folder / name
            if not file.is_file() or file.stat().st_size != noted.size:
                return f"{file} is missing or damaged; promote another version, or pull this one again"
        return None

    def history(self) -> list[VersionChange]:
        """Who became current, oldest first."""
        return [entry for entry in self.decisions() if isinstance(entry, VersionChange)]

    def decisions(self) -> list[HistoryEntry]:
        """Who became current, who was refused and what was skipped, oldest first."""
        return read_entries(self._history, self.current())

    def decisions_so_far(self) -> list[HistoryEntry]:
        """The same where CURRENT does not say which version is current: as if the newest change had taken place."""
        return read_entries(self._history, last_written(self._history))

    def _folder(self, version: str) -> Path:
        folder = self._versions / version
        if not is_version_name(version) or not folder.is_dir():
            raise BundleError(f"registry {self.path} has no version {version[:80]!r}; see `recsys models list`")
        return folder
