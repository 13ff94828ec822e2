"""Loops are compiled once, whoever else starts at the same moment."""

import errno
import fcntl
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.errors import ConfigError

_LOOPS = """
import numpy as np
from recsys.arrays.jit import jit

@jit()
def half(values):
    return values.sum() / 2

@jit(fastmath={"reassoc"})
def quarter(values):
    return half(values) / 2

if __name__ == "__main__":
    print(quarter(np.arange(5)))
    print(*(sum(loop.stats.cache_misses.values()) for loop in (half, quarter)))
"""


def test_a_folder_that_cannot_be_locked_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network file system without locks, or where another user has made the lock file."""

    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    program = tmp_path / "program.py"
    program.write_text("from recsys.arrays.jit import jit\n@jit()\ndef half(value):\n    return value / 2\n")
    half = runpy.run_path(str(program))["half"]
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ConfigError, match=r"cannot be kept in .*cannot lock files.*; set NUMBA_CACHE_DIR to another"):
        half(1.0)
    monkeypatch.undo()
    assert half(1.0) == 0.5


def test_one_of_several_processes_compiles_and_the_others_read(tmp_path: Path) -> None:
    """Each says what it has found, and how often it has compiled each loop."""
    program = tmp_path / "loops.py"
    program.write_text(_LOOPS, encoding="utf-8")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    started = [
        subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    said = [process.communicate()[0].split() for process in started]
    assert sorted(said) == [["2.5", "0", "0"], ["2.5", "0", "0"], ["2.5", "1", "1"]]
