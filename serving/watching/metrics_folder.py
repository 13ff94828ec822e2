"""The folder in which the workers of one server count together, and those that killed servers left behind."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from recsys.disk import hold_folder

_PREFIX = "recsys-metrics-locked-"
"""Not that of servers before this one, which lock nothing: `recsys-metrics-` and letters."""

_MEMORY = "/dev/shm"
_ROOM = 16 << 20
"""Bytes that must be free there: many times what the workers need, since other programs fill it too. In a container the
place may be tiny."""


@contextmanager
def metrics_folder(place: Path | None = None) -> Iterator[Path]:
    """A new folder, locked by this process and those that it forks, removed in the end.

    A killed server cannot remove its folder; its lock goes with its last process, and the next server of the same user
    removes folders that nobody holds.

    Args:
        place: where; None: in memory where there is such a place. Metrics are memory-mapped files: on a full disk,
            counting would kill the worker.
    """
    place = place or Path(_MEMORY if _has_room(_MEMORY) else gettempdir())
    _sweep(place)
    folder, held = _held(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _has_room(place: str) -> bool:
    return os.access(place, os.W_OK) and shutil.disk_usage(place).free >= _ROOM


def _held(place: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that locks it; another one where it is swept away before it is locked."""
    while True:
        folder = Path(mkdtemp(prefix=_PREFIX, dir=place))
        with suppress(FileNotFoundError):
            held = hold_folder(folder)
            if held is None:
                continue
            if folder.is_dir():
                return folder, held
            os.close(held)


def _sweep(place: Path) -> None:
    """Remove folders of this user that no process holds. What cannot be removed stays: the next start tries again."""
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError):  # a place that may not be looked through
        entries = list(os.scandir(place))
    for entry in entries:
        with suppress(OSError):  # it went with its server, or cannot be read
            mine = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
            held = hold_folder(Path(entry.path)) if mine and entry.name.startswith(_PREFIX) else None
            if held is not None:
                try:
                    shutil.rmtree(entry.path)
                finally:
                    os.close(held)
