"""Writing that survives a crash: synced files, atomic replacement, locks that die with their process (POSIX)."""

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Force one file, or the entries of one folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force a folder and everything below it to the disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


def set_usual_modes(folder: Path) -> None:
    """Give the files below a new folder the mode that files have where the umask made that folder's: libraries that
    write by way of a temporary file, as safetensors does, leave it to its owner alone."""
    usual = stat.S_IMODE(folder.stat().st_mode) & 0o666
    for parent, _, names in os.walk(folder):
        for name in names:
            Path(parent, name).chmod(usual)


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace the content of a file; a reader, even after a crash, sees the old or the new content whole.

    `mode` is that of a new file, less the umask.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all that it holds; if it is a link, for example to a larger disk, its target too."""
    with suppress(FileNotFoundError):  # a link that names nothing any more
        shutil.rmtree(folder.resolve())
    if folder.is_symlink():
        folder.unlink()


def append_line(path: Path, line: bytes) -> None:
    """Append a line of JSON to a file and force it to the disk. Half a line left by a crash is cut off first; a whole
    line without its line break gets one."""
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if file.read() not in (b"", b"\n"):
            file.seek(0)
            content = file.read()
            start = content.rfind(b"\n") + 1
            if _is_json(content[start:]):
                line = b"\n" + line
            else:
                file.truncate(start)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against other processes and threads; waits for it."""
    with _opened(path) as descriptor:
        _lock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def locked_at_once(path: Path) -> Iterator[bool]:
    """Hold a lock file if nobody else does; yields whether it is held. The lock ends with its process."""
    with _opened(path) as descriptor:
        yield _locks(descriptor)


@contextmanager
def locked_for_now(path: Path) -> Iterator[bool]:
    """`locked_at_once` for folders in which no lock file must stay: the holder removes it."""
    with _opened(path) as descriptor:
        alone = _locks(descriptor) and _is_at(descriptor, path)
        try:
            yield alone
        finally:
            if alone:
                path.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a lock file, which is made where it is missing, writable as far as the umask allows; closing it releases the
    lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> None:
    """flock(2), which says where it does not exist: on some network and FUSE file systems."""
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:
        words = f"{error.strerror}: the file system cannot lock files (flock), take one that can, such as a local disk"
        raise OSError(error.errno, words) from error


def _locks(descriptor: int) -> bool:
    try:
        _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an opened file is still the one at this path: a lock on a removed file excludes nobody."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def hold_folder(folder: Path) -> int | None:
    """Lock a folder itself; the lock goes when the descriptor is closed or its process ends.

    Returns:
        The descriptor, for the caller to close; None when another holds the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    if _locks(descriptor):
        return descriptor
    os.close(descriptor)
    return None
