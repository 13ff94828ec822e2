"""The manifest: what a trained version is, where it comes from, and the checksum of every file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from recsys.errors import BundleError

SCHEMA_VERSION = 7
"""Raised when a bundle of this code cannot be read by the code before it."""

_REMEDY = "roll back or promote another version (`recsys models`), or pull this one again"

_CHECKSUM_SINCE = 6
"""The first schema version whose manifests have a checksum of their own."""

MANIFEST = "manifest.json"

LIBRARIES = (
    "recsys",
    "implicit",
    "lightgbm",
    "numpy",
    "peft",
    "polars",
    "safetensors",
    "scipy",
    "torch",
    "transformers",
)
"""Those whose version may matter to what is in a bundle."""


class Record(BaseModel):
    """A part of the manifest: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(Record):
    """Size in bytes and sha256 (hex) of one file."""

    size: int
    sha256: str


class DataRecord(Record):
    """What a version learned from.

    Attributes:
        fingerprint: sha256 of the data set's content.
        start, end: time of the oldest and newest event, microseconds since 1970 UTC; None for an empty log.
        n_rejected: rows that were set aside.
    """

    fingerprint: str
    start: int | None
    end: int | None
    n_events: int
    n_users: int
    n_items: int
    n_rejected: int = 0


class StoreMark(Record):
    """How far into an event log a version has read: events up to `offset` of the log named `identity` are in it."""

    identity: str
    offset: int


@dataclass(frozen=True)
class Description:
    """What a bundle says of itself for its manifest; see `Manifest` for the fields."""

    data: DataRecord
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    feature_names: Sequence[str]
    store: StoreMark | None = None
    continued: int = 0


class Manifest(Record):
    """What manifest.json holds.

    Attributes:
        parent: the version that this one followed; None for the first.
        store: the stored events that are in it; None when it has read none.
        continued: how many versions lie between it and the last one that was trained from scratch; 0 for that one.
        config: the resolved config tree.
        metrics: figures of its evaluation, as the training run reports them.
        feature_names: the ranker's columns, in order.
        libraries: name to version, at training.
        files: path inside the version's folder, with slashes, to size and checksum. The manifest is not in it.
        checksum: sha256 (hex) of the manifest itself without this line; empty before schema version 6.
    """

    schema_version: int
    version: str
    created_at: datetime
    parent: str | None
    data: DataRecord
    store: StoreMark | None
    continued: int = 0
    config: dict[str, Any]
    metrics: dict[str, Any]
    feature_names: tuple[str, ...]
    libraries: dict[str, str]
    files: dict[str, FileRecord]
    checksum: str = ""


def manifest_bytes(manifest: Manifest) -> bytes:
    """What manifest.json holds: the manifest with its checksum, so that damage to it is found as well."""
    tree = orjson.loads(manifest.model_dump_json(exclude={"checksum"}))
    return orjson.dumps({**tree, "checksum": _checksum(tree)}, option=orjson.OPT_INDENT_2)


def _checksum(tree: Mapping[str, Any]) -> str:
    """sha256 (hex) of a manifest as JSON with sorted keys."""
    without = {key: value for key, value in tree.items() if key != "checksum"}
    return hashlib.sha256(orjson.dumps(without, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read a version's manifest.

    Raises:
        BundleError: it is missing, damaged, or of a newer schema.
    """
    path = folder / MANIFEST
    try:
        tree = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BundleError(f"{path} is missing; this is no complete version; {_REMEDY}") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise BundleError(f"{path} cannot be read: {error}; {_REMEDY}") from error
    schema = tree.get("schema_version") if isinstance(tree, dict) else None
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {schema}, this recsys reads up to {SCHEMA_VERSION}; install a newer recsys"
        )
    try:
        manifest = Manifest.model_validate(tree)
    except ValidationError as error:
        problem = error.errors()[0]
        loc = ".".join(str(part) for part in problem["loc"])
        raise BundleError(f"{path} is damaged: {loc}: {problem['msg']}; {_REMEDY}") from error
    if manifest.checksum != _checksum(tree) and (manifest.checksum or manifest.schema_version >= _CHECKSUM_SINCE):
        raise BundleError(f"{path} is damaged: checksum mismatch; {_REMEDY}")
    return manifest


def describe_files(folder: Path) -> dict[str, FileRecord]:
    """Size and checksum of every file below a folder, the manifest aside.

    Raises:
        BundleError: something is neither a folder nor a plain file (a link could point anywhere).
    """
    return {name: _describe(path) for name, path in _walk(folder) if name != MANIFEST}


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file below a folder with the manifest.

    Raises:
        BundleError: a file is missing, differs, or is not in the manifest; the message names it.
    """
    present = {name: path for name, path in _walk(folder) if name != MANIFEST}
    for name in sorted(manifest.files.keys() | present.keys()):
        if name not in present:
            raise BundleError(
                f"{folder / PurePosixPath(name)} is missing; version {manifest.version} is not complete; {_REMEDY}"
            )
        if name not in manifest.files:
            raise BundleError(
                f"{present[name]} is not in the manifest of version {manifest.version}; move it out of the folder"
            )
        verify_file(present[name], manifest.files[name], manifest.version)


def verify_file(path: Path, record: FileRecord, version: str) -> None:
    """Compare one file with what the manifest of its version says of it.

    Raises:
        BundleError: it differs or cannot be read; the message names it.
    """
    if _describe(path) != record:
        raise BundleError(f"{path} is damaged: it differs from the manifest of version {version}; {_REMEDY}")


def library_versions() -> dict[str, str]:
    """Version of each of `LIBRARIES` that is installed."""
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _walk(folder: Path) -> list[tuple[str, Path]]:
    """Every file below the folder: its path inside, with slashes, and where it is."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(
                f"{path} is not a plain file, and a version holds nothing else; move it out of the folder"
            )
        if path.is_file():
            found.append((path.relative_to(folder).as_posix(), path))
    return found


def _describe(path: Path) -> FileRecord:
    try:
        with path.open("rb") as file:
            return FileRecord(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error
