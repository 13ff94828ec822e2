"""Versions on the way to and from a registry at an fsspec URL, such as `s3://bucket/registry`."""

import tempfile
from pathlib import Path

from recsys.errors import BundleError, DataError, StoreError, is_full
from recsys.locations import get, put
from recsys.registry.manifest import MANIFEST, read_manifest
from recsys.registry.reader import CURRENT, VERSIONS
from recsys.registry.registry import Registry


def push(registry: Registry, version: str | None, url: str) -> str:
    """Copy a version, by default the current one, to a URL, where it becomes the current one.

    The manifest is copied after the files and CURRENT after the manifest, so that a reader meanwhile finds a whole
    version.

    Raises:
        BundleError: there is no such version, or it is damaged.
        StoreError: the URL cannot be written, or is that of the registry itself.
    """
    if Path(url.removeprefix("file://")).resolve() == registry.path.resolve():
        raise StoreError(f"{url} is the registry that is to be copied; name another place for the copy")
    name = registry.resolve(version)
    folder = registry.path_of(name)
    for file in (*registry.manifest(name).files, MANIFEST):
        _send(folder / file, f"{url}/{VERSIONS}/{name}/{file}")
    with tempfile.TemporaryDirectory() as own:
        current = Path(own) / CURRENT
        current.write_text(f"{name}\n", encoding="utf-8")
        _send(current, f"{url}/{CURRENT}")
    return name


def pull(registry: Registry, version: str | None, url: str) -> str:
    """Copy a version, by default the one that is current there, from a URL, and promote it here.

    Raises:
        BundleError: there is no registry or no such version, or what came is damaged or too new; the current version
            stays.
        DataError: the URL cannot be read.
    """
    version = version or _current(url)  # a wrong URL raises before a registry is made here
    with registry.stage() as folder:
        if not registry.is_whole(version):
            _fetch(url, f"{VERSIONS}/{version}/{MANIFEST}", folder / MANIFEST)
            for file in read_manifest(folder).files:
                if not (folder / file).resolve().is_relative_to(folder.resolve()):
                    raise BundleError(
                        f"{url} holds a manifest that names {file!r}, outside of its version; push the version again"
                    )
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                _fetch(url, f"{VERSIONS}/{version}/{file}", folder / file)
            version = registry.adopt(folder)
    registry.promote(version, f"pulled from {url}")
    return version


def _current(url: str) -> str:
    """The version that is current in the registry at a URL."""
    with tempfile.TemporaryDirectory() as own:
        _fetch(url, CURRENT, Path(own) / CURRENT)
        return (Path(own) / CURRENT).read_text(encoding="utf-8", errors="replace").strip()


def _send(here: Path, where: str) -> None:
    try:
        put(here, where)
    except DataError as error:
        raise StoreError(str(error)) from error


def _fetch(url: str, file: str, here: Path) -> None:
    try:
        get(f"{url}/{file}", here)
    except DataError as error:
        if error.__cause__ is not None and is_full(error.__cause__):
            raise error.__cause__ from None  # of this registry, which says so
        if not isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            raise
        mend = "name a registry that `recsys models push` wrote, and a version that is in it"
        raise BundleError(f"{url} has no file {file}; {mend}") from error
