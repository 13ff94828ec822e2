"""Arrays as .npy files, without pickle."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.errors import BundleError


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write one .npy file; object arrays are refused."""
    np.save(path, np.ascontiguousarray(array), allow_pickle=False)


def load_array(path: Path) -> NDArray[Any]:
    """Map one .npy file into memory: processes on one machine share its pages. Nothing writes to it; a write would
    change this process's copy of a page, never the file.

    Being writable, it has the same type as an array in memory: a trained version and a loaded one run the same compiled
    loops, to the last bit, and these are compiled only once.

    Raises:
        BundleError: the file system cannot map files, as some network and FUSE file systems.
    """
    try:
        mapped: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
        raise BundleError(
            f"{path}: its file system cannot map files into memory (mmap); keep the registry on one that can, such as "
            "a local disk"
        ) from error
    return mapped.view(np.ndarray)  # as np.memmap every slice would cost microseconds more


def new_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """A new .npy file, to be filled in place without memory of this process.

    Raises:
        OSError: the disk has no room for it.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # filling a page that finds no room would kill the process (SIGBUS)
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array.view(np.ndarray)


def save_csr(folder: Path, name: str, matrix: sp.csr_matrix) -> None:
    """Write a sparse matrix as NAME.data.npy, NAME.indices.npy, NAME.indptr.npy and NAME.shape.npy."""
    for part in ("data", "indices", "indptr"):
        save_array(folder / f"{name}.{part}.npy", getattr(matrix, part))
    save_array(folder / f"{name}.shape.npy", np.array(matrix.shape, dtype=np.int64))


def load_csr(folder: Path, name: str) -> sp.csr_matrix:
    """Read what `save_csr` wrote."""
    data, indices, indptr, shape = (
        load_array(folder / f"{name}.{part}.npy") for part in ("data", "indices", "indptr", "shape")
    )
    return sp.csr_matrix((data, indices, indptr), shape=(int(shape[0]), int(shape[1])), copy=False)
