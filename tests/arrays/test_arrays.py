"""Arrays on disk."""

import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays.npy import load_array, new_array


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the room cannot be asked for ahead")
def test_a_new_array_has_its_room_on_the_disk_before_it_is_filled(tmp_path: Path) -> None:
    array = new_array(tmp_path / "sums.npy", (1_000, 500), np.float64)
    assert (tmp_path / "sums.npy").stat().st_blocks * 512 >= array.nbytes
    array[:] = 2.0
    assert np.all(load_array(tmp_path / "sums.npy") == 2.0)
