"""The registry: a folder of trained versions, one of them current; killed at any moment it still loads.

REG/CURRENT                 the served version's name
REG/history.jsonl           who became current or was refused, what was skipped, when, why
REG/versions/<version>/     manifest.json and the bundle's files
REG/versions/.<anything>    being written or removed; swept when its process is gone
REG/cache/vectors.sqlite    text vectors of earlier trainings
REG/live/<version>/         events since, as servers know them; see `recsys.registry.snapshots`
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from recsys.disk import locked_at_once, remove_tree, replace_file, set_usual_modes, sync, sync_tree
from recsys.errors import BundleError, BusyError, check_kind
from recsys.registry.history import (
    Check,
    earlier_versions,
    last_written,
    record_change,
    record_refusal,
    record_skip,
)
from recsys.registry.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Description,
    Manifest,
    describe_files,
    library_versions,
    manifest_bytes,
    read_manifest,
    verify_files,
)
from recsys.registry.reader import RegistryReader
from recsys.registry.staging import staged_folder, write_errors, write_lock
from recsys.registry.version_names import free_moment, is_version_name, version_name


@runtime_checkable
class Publishable(Protocol):
    """A bundle, as the registry sees it."""

    @property
    def description(self) -> Description:
        """What the manifest says of it."""

    def save(self, folder: Path) -> None:
        """Write all its files into an existing folder."""


class Registry(RegistryReader):
    """Writes versions, and says which one is current. Several processes may work on one registry."""

    def prepare(self) -> None:
        """Make the registry if there is none, and check that versions can be written, before hours go into training
        one.

        Raises:
            BundleError: it cannot be written.
        """
        with self.stage() as folder:
            replace_file(folder / MANIFEST, b"{}")

    def publish(self, bundle: Publishable, *, parent: str | None = None, why: str = "published") -> str:
        """Add a bundle, and make it the current version at once.

        Args:
            bundle, parent: see `add`.
            why: the reason, for the history.

        Returns, raises: as `add`.
        """
        with self._newly_added(bundle, parent) as version:
            self._make_current(version, why)
        return version

    def add(self, bundle: Publishable, *, parent: str | None = None) -> str:
        """Write a bundle as a new version: whole or not at all. The current version stays.

        Args:
            bundle: what was trained.
            parent: the version that it follows.

        Returns:
            The name of the version; names sort by the time of publishing.

        Raises:
            BundleError: the registry cannot be written, the bundle has written something else than plain files, or what
                was written cannot be read back.
        """
        with self._newly_added(bundle, parent) as version:
            return version

    @contextmanager
    def _newly_added(self, bundle: Publishable, parent: str | None) -> Iterator[str]:
        """A bundle as a new version: checksums, manifest, sync, verification, rename. Within the block no other process
        writes."""
        check_kind(bundle, Publishable, "a registry takes a Bundle, as train makes one")
        with self.stage() as folder:
            bundle.save(folder)
            files, description = describe_files(folder), bundle.description
            set_usual_modes(folder)  # who trains need not be who serves
            sync_tree(folder)
            with self._locked():
                newest = self.versions()[-1:]
                created_at = free_moment(newest[0] if newest else None)
                manifest = Manifest(
                    schema_version=SCHEMA_VERSION,
                    version=version_name(created_at),
                    created_at=created_at,
                    parent=parent,
                    data=description.data,
                    store=description.store,
                    continued=description.continued,
                    config=dict(description.config),
                    metrics=dict(description.metrics),
                    feature_names=tuple(description.feature_names),
                    libraries=library_versions(),
                    files=files,
                )
                replace_file(folder / MANIFEST, manifest_bytes(manifest))
                yield self._admit(folder)

    def stage(self) -> AbstractContextManager[Path]:
        """An empty folder inside the registry to write a version into; gone at the end unless it was adopted.

        Raises:
            BundleError: the registry cannot be written, or what the caller wrote found no room.
        """
        return staged_folder(self.path)

    def adopt(self, folder: Path) -> str:
        """Turn a staged folder that holds a version of another registry, with its manifest, into a version of the same
        name here. A damaged version of this name is replaced.

        Raises:
            BundleError: it is damaged, too new, or here already.
        """
        sync_tree(folder)
        with self._locked():
            version = read_manifest(folder).version
            if version in self.versions() and not self.is_whole(version):
                verify_files(folder, read_manifest(folder))
                self._remove(version)
            return self._admit(folder)

    @contextmanager
    def retraining(self) -> Iterator[None]:
        """Hold the retraining lock; readers, promotions and roll-backs are not blocked.

        Raises:
            BusyError: another process retrains.
            BundleError: the registry cannot be written.
        """
        self.prepare()
        with ExitStack() as held:
            with write_errors(self.path):
                alone = held.enter_context(locked_at_once(self.path / ".retrain"))
            if not alone:
                raise BusyError(f"another process retrains in registry {self.path}; wait until it has ended")
            yield

    def promote(self, version: str, why: str, checks: Sequence[Check] = (), over: str | None = None) -> bool:
        """Make a version the current one, after verifying it. It may be the current one already: a new reason is noted,
        as when somebody decides that what was gone back to is to stay.

        Args:
            version: the version.
            why: the reason, for the history.
            checks: what spoke for it, likewise.
            over: the version that it was compared with; if another one is current by now, nothing is done.

        Returns:
            Whether it is the current one.

        Raises:
            BundleError: the version does not exist, is damaged or too new; the current one stays.
        """
        with self._locked():
            self.path_of(version)
            if over is not None and self.current() not in (over, version):
                return False
            self._make_current(version, why, checks)
            return True

    def refuse(self, version: str | None, why: str, checks: Sequence[Check] = ()) -> None:
        """Record that the current version stays: `version`, or None if none was trained, did not replace it."""
        with self._locked():
            record_refusal(self._history, version, self.current(), why, checks)

    def skip(self, why: str, checks: Sequence[Check] = ()) -> None:
        """Record that the current version stays because there was too little to learn from."""
        with self._locked():
            record_skip(self._history, self.current(), why, checks)

    def rollback_target(self) -> str | None:
        """The version that a rollback would go back to; None without one."""
        there = set(self.versions()) - {self.current()}
        return next((version for version in reversed(earlier_versions(self.history())) if version in there), None)

    def rollback(self, why: str) -> str:
        """Go back to the version that was current before; again, to the one before that.

        Returns:
            The version that is current now.

        Raises:
            BundleError: there is none to go back to, or it is damaged.
        """
        with self._locked():
            target = self.rollback_target()
            if target is None:
                raise BundleError(f"registry {self.path} has no earlier version to go back to")
            self.path_of(target)
            record_change(self._history, "rollback", target, self.current(), why)
            replace_file(self.current_file, f"{target}\n".encode())
        return target

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions, the current one, and the one a rollback goes back to.

        Returns:
            The versions that were removed.
        """
        with self._locked():
            versions = self.versions()
            kept = {*versions[max(0, len(versions) - keep) :], self.current(), self.rollback_target()}
            removed = [version for version in versions if version not in kept]
            for version in removed:
                self._remove(version)
        return removed

    def remove(self, version: str) -> None:
        """Remove one version for good.

        Raises:
            BundleError: it does not exist, or is the current one.
        """
        with self._locked():
            self._folder(version)
            if version == self.current():
                raise BundleError(f"version {version} is served; promote another one before it is removed")
            self._remove(version)

    def _locked(self) -> AbstractContextManager[None]:
        """See `write_lock`."""
        return write_lock(self.path)

    def _admit(self, folder: Path) -> str:
        """Verify a staged folder against its manifest, and give it its place among the versions."""
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        refused = f"registry {self.path} cannot take version {manifest.version[:80]!r}"
        if not is_version_name(manifest.version):
            raise BundleError(f"{refused}: that is not the name of a version")
        if (self._versions / manifest.version).exists():
            raise BundleError(f"{refused}: that version already exists")
        folder.rename(self._versions / manifest.version)
        sync(self._versions)
        return manifest.version

    def _remove(self, version: str) -> None:
        self.snapshots.drop(version)
        hidden = self._versions / f".removed-{version}"
        (self._versions / version).rename(hidden)  # at once: never half a version under its name
        remove_tree(hidden)

    def _make_current(self, version: str, why: str, checks: Sequence[Check] = ()) -> None:
        try:
            current = previous = self.current()
        except BundleError:  # this mends it
            current, previous = None, last_written(self._history)
        if version != current or [change.why for change in self.history()[-1:]] != [why]:
            record_change(self._history, "promote", version, previous, why, checks)
        if version != current:
            replace_file(self.current_file, f"{version}\n".encode())
