"""Arrays on disk."""

import errno
import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays.npy import load_array, new_array
from recsys.errors import BundleError


def test_a_file_system_that_cannot_map_files_is_named_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some that FUSE mounts; there is none to be had here."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    np.save(tmp_path / "sums.npy", np.zeros(3))
    monkeypatch.setattr(mmap, "mmap", refused)
    with pytest.raises(BundleError, match=r"sums\.npy: its file system cannot map files into memory"):
        load_array(tmp_path / "sums.npy")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the room cannot be asked for ahead")
def test_a_new_array_has_its_room_on_the_disk_before_it_is_filled(tmp_path: Path) -> None:
    array = new_array(tmp_path / "sums.npy", (1_000, 500), np.float64)
    assert (tmp_path / "sums.npy").stat().st_blocks * 512 >= array.nbytes
    array[:] = 2.0
    assert np.all(load_array(tmp_path / "sums.npy") == 2.0)
