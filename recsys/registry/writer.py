"""Writing a registry: one process at a time, into staged folders; leftovers of killed processes are swept."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from recsys.disk import hold_folder, locked, locked_at_once, remove_tree, replace_file
from recsys.errors import BundleError, BusyError, RecsysError, UnwritableError, is_full
from recsys.registry.manifest import MANIFEST
from recsys.registry.reader import RegistryReader, registry_of


class RegistryWriter(RegistryReader):
    """Locks, staged folders and errors of a registry that is written; which versions there are is up to `Registry`."""

    @contextmanager
    def retraining(self) -> Iterator[None]:
        """Hold the retraining lock; readers, promotions and roll-backs are not blocked.

        Raises:
            BusyError: another process retrains.
            BundleError: the registry cannot be written.
        """
        self.prepare()
        with ExitStack() as held:
            with self._write_errors():
                alone = held.enter_context(locked_at_once(self.path / ".retrain"))
            if not alone:
                raise BusyError(f"another process retrains in registry {self.path}; wait until it has ended")
            yield

    def prepare(self) -> None:
        """Make the registry if there is none, and check that versions can be written, before hours go into training
        one.

        Raises:
            BundleError: it cannot be written.
        """
        with self.stage() as folder:
            replace_file(folder / MANIFEST, b"{}")

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """An empty folder inside the registry to write a bundle into; gone at the end unless it was published.

        Raises:
            BundleError: the registry cannot be written, or what the caller wrote found no room.
        """
        with self._write_errors():
            self._refuse_to_lie_within_another()
            self._versions.mkdir(parents=True, exist_ok=True)
        folder, held = self._versions / f".staged-{secrets.token_hex(8)}", None
        try:  # from before it is there, so that no interruption leaves it
            with self._locked():
                folder.mkdir()
                held = hold_folder(folder)
            with self._write_errors():
                yield folder
        finally:
            if folder.exists():
                shutil.rmtree(folder)
            if held is not None:
                os.close(held)

    def _refuse_to_lie_within_another(self) -> None:
        """A version with further files in its folder is damaged: whoever names it for its registry would spoil it."""
        outer = registry_of(self.path.resolve())
        if outer is not None and any((outer / name).exists() for name in ("CURRENT", "history.jsonl")):
            raise BundleError(
                f"{self.path} is a part of the registry {outer}; name that one, or a folder outside of it"
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time; what killed writers left behind is swept first.

        Raises:
            BundleError: there is no registry, or it cannot be written.
        """
        with self._write_errors():
            if not self._versions.is_dir():
                raise BundleError(f"there is no registry {self.path}; name the folder that `recsys train` wrote to")
            with locked(self.path / ".lock"):
                self._sweep()
                yield

    @contextmanager
    def _write_errors(self) -> Iterator[None]:
        """Turn what keeps files from being written, whichever library writes them, into an `UnwritableError`."""
        try:
            yield
        except RecsysError:
            raise
        except Exception as error:
            if not (isinstance(error, OSError) or is_full(error)):
                raise
            mend = "check that it is a folder that you may write to, on a disk with room"
            raise UnwritableError(f"registry {self.path} cannot be written: {error}; {mend}") from error

    def _sweep(self) -> None:
        """Remove folders that were being written or removed by a process that is gone."""
        for folder in [*self._versions.glob(".staged-*"), *self._versions.glob(".removed-*")]:
            with suppress(FileNotFoundError):  # it went with whoever made it, who needs no lock for that
                held = hold_folder(folder)
                if held is not None:
                    try:
                        remove_tree(folder)
                    finally:
                        os.close(held)
