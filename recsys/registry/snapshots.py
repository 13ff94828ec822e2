"""Snapshots of live events: of each version the newest one, in parts whose files are verified before they are mapped.

REG/live/<version>/snapshot.json   what the newest snapshot consists of; replaced atomically
REG/live/<version>/<part>/         files that are written once; a part may be in several snapshots, one after the other
REG/live/<version>/.<anything>     being removed

No version needs a snapshot: the store's log holds the same.
"""

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import ValidationError

from recsys.disk import locked_at_once, remove_tree, replace_file, sync, sync_tree
from recsys.errors import BundleError
from recsys.registry.manifest import FileRecord, Record, describe_files, verify_file

SCHEMA_VERSION = 1

_RECORD = "snapshot.json"


class SnapshotRecord(Record):
    """What snapshot.json holds.

    Attributes:
        fingerprint: of the data that the version learned from, which numbers items and users.
        identity: of the store; `offset` is that of the newest entry of its log that is in the snapshot.
        n_items: of the catalogue that the events refer to.
        forgotten: numbers of the version's own users that were forgotten since.
        forgotten_ids: digests of the ids of all who were forgotten since.
        segments: parts that hold the events, in the order in which they came.
        ids: the part that names users and items beyond the version's; written again for each snapshot.
        files: path with slashes, from the part on, to size and checksum.
    """

    schema_version: int = SCHEMA_VERSION
    version: str
    fingerprint: str
    identity: str
    offset: int
    written_at: datetime
    n_items: int
    event_names: tuple[str, ...]
    forgotten: tuple[int, ...]
    forgotten_ids: tuple[str, ...] = ()
    segments: tuple[str, ...]
    ids: str
    files: dict[str, FileRecord]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all parts: segments, and the table of ids."""
        return (*self.segments, self.ids)

    def files_of(self, part: str) -> dict[str, FileRecord]:
        """The files of one part."""
        return {name: file for name, file in self.files.items() if name.startswith(f"{part}/")}


class Snapshots:
    """The snapshots of all versions of a registry. Nothing is kept in memory: several processes may work on them.

    All is private to the user who serves: folders have mode 0700, files 0600.
    """

    def __init__(self, registry: Path) -> None:
        self._registry = registry
        self._path = registry / "live"

    def folder(self, version: str) -> Path:
        """Where the parts of a version are."""
        return self._path / version

    def record(self, version: str) -> SnapshotRecord | None:
        """What the newest snapshot of a version consists of; None where there is none.

        Raises:
            BundleError: it is damaged, of another release, or of another version.
        """
        path = self.folder(version) / _RECORD
        try:
            record = SnapshotRecord.model_validate(orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError, ValidationError) as error:
            raise BundleError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
        if record.schema_version != SCHEMA_VERSION:
            raise BundleError(f"{path} has schema version {record.schema_version}, this recsys reads {SCHEMA_VERSION}")
        if record.version != version:
            raise BundleError(f"{path} is of version {record.version[:80]!r}")
        return record

    def verify(self, record: SnapshotRecord, parts: Collection[str]) -> None:
        """Compare every file of some parts with the record.

        Raises:
            BundleError: one is missing or differs; the message names it.
        """
        for part in parts:
            for name, file in record.files_of(part).items():
                verify_file(self.folder(record.version) / name, file, record.version)

    @contextmanager
    def writing(self, version: str) -> Iterator[bool]:
        """Lock out other writers of snapshots; yields whether that worked. At the end only the parts of the newest
        snapshot are left."""
        self._path.mkdir(mode=0o700, exist_ok=True)
        with locked_at_once(self._registry / ".live") as alone:
            try:
                if alone:
                    self.folder(version).mkdir(mode=0o700, exist_ok=True)
                yield alone
            finally:
                if alone:
                    self._sweep(version)

    @contextmanager
    def part(self, version: str, files: dict[str, FileRecord]) -> Iterator[Path]:
        """An empty folder to write a part into; what it then holds is synced, and described in `files`."""
        folder = self.folder(version) / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        sync_tree(folder)
        files.update({f"{folder.name}/{name}": file for name, file in describe_files(folder).items()})

    def publish(self, record: SnapshotRecord) -> None:
        """Make a snapshot the newest one of its version."""
        sync(self.folder(record.version))
        replace_file(self.folder(record.version) / _RECORD, record.model_dump_json().encode(), mode=0o600)

    def forget(self, identity: str, offset: int) -> None:
        """Remove snapshots, of whichever version, that do not know what was forgotten at an offset of a store's log."""
        for path in self._path.glob(f"*/{_RECORD}"):
            try:
                record = self.record(path.parent.name)
            except BundleError:
                self.drop(path.parent.name)
                continue
            if record is not None and (record.identity != identity or record.offset < offset):
                _remove(path.parent / record.ids)  # first, because it names users
                path.unlink(missing_ok=True)
                sync(path.parent)

    def drop(self, version: str) -> None:
        """Remove all that there is of a version."""
        _remove(self.folder(version))

    def _sweep(self, version: str) -> None:
        try:
            record = self.record(version)
        except BundleError:
            record = None
        kept = {_RECORD, *record.parts} if record is not None else set()
        for path in [*self._path.glob(".*"), *self.folder(version).iterdir()]:
            if path.name not in kept:
                _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or a folder, never half of it under its name. Another process may be doing the same."""
    hidden = path.with_name(f".{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):
        path.rename(hidden)
        if hidden.is_dir():
            remove_tree(hidden)
        else:
            os.unlink(hidden)
