"""How a registry is written: one process at a time, into staged folders; leftovers of killed processes are swept."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recsys.disk import hold_folder, locked, remove_tree
from recsys.errors import BundleError, RecsysError, UnwritableError, is_full
from recsys.registry.reader import CURRENT, HISTORY, VERSIONS, registry_of


@contextmanager
def write_errors(registry: Path) -> Iterator[None]:
    """Turn what keeps files from being written, whichever library writes them, into an `UnwritableError`."""
    try:
        yield
    except RecsysError:
        raise
    except Exception as error:
        if not (isinstance(error, OSError) or is_full(error)):
            raise
        mend = "check that it is a folder that you may write to, on a disk with room"
        raise UnwritableError(f"registry {registry} cannot be written: {error}; {mend}") from error


@contextmanager
def write_lock(registry: Path) -> Iterator[None]:
    """One writer at a time; what killed writers left behind among the versions is swept first.

    Raises:
        BundleError: there is no registry, or it cannot be written.
    """
    versions = registry / VERSIONS
    with write_errors(registry):
        if not versions.is_dir():
            raise BundleError(f"there is no registry {registry}; name the folder that `recsys train` wrote to")
        with locked(registry / ".lock"):
            _sweep(versions)
            yield


@contextmanager
def staged_folder(registry: Path) -> Iterator[Path]:
    """An empty folder among the versions, gone at the end unless it was renamed. See `Registry.stage`."""
    versions = registry / VERSIONS
    with write_errors(registry):
        _refuse_to_lie_within_another(registry)
        versions.mkdir(parents=True, exist_ok=True)
    folder, held = versions / f".staged-{secrets.token_hex(8)}", None
    try:  # from before it is there, so that no interruption leaves it
        with write_lock(registry):
            folder.mkdir()
            held = hold_folder(folder)
        with write_errors(registry):
            yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        if held is not None:
            os.close(held)


def _refuse_to_lie_within_another(registry: Path) -> None:
    """A version with further files in its folder is damaged: whoever names it for its registry would spoil it."""
    outer = registry_of(registry.resolve())
    if outer is not None and any((outer / name).exists() for name in (CURRENT, HISTORY)):
        raise BundleError(f"{registry} is a part of the registry {outer}; name that one, or a folder outside of it")


def _sweep(versions: Path) -> None:
    """Remove folders that were being written or removed by a process that is gone."""
    for folder in [*versions.glob(".staged-*"), *versions.glob(".removed-*")]:
        with suppress(FileNotFoundError):  # it went with whoever made it, who needs no lock for that
            held = hold_folder(folder)
            if held is not None:
                try:
                    remove_tree(folder)
                finally:
                    os.close(held)
