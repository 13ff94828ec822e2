"""Loops are compiled once, whoever else starts at the same moment."""

import os
import subprocess
import sys
from pathlib import Path

_LOOPS = """
import sys
import numpy as np
from recsys.data.jit import jit

@jit()
def half(values):
    return values.sum() / 2

@jit(fastmath={"reassoc"})
def quarter(values):
    return half(values) / 2

if __name__ == "__main__":
    print(quarter(np.arange(5, dtype=sys.argv[1])))
    print(*(sum(loop.stats.cache_misses.values()) for loop in (half, quarter)))
"""


def run_together(folder: Path, *kinds: str) -> list[list[str]]:
    """What a process a kind prints: the result, and how often each loop was compiled there."""
    (folder / "loops.py").write_text(_LOOPS, encoding="utf-8")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, str(folder / "loops.py")]
    started = [subprocess.Popen([*command, kind], stdout=subprocess.PIPE, text=True, env=environment) for kind in kinds]
    said = [process.communicate()[0].split() for process in started]
    assert all(process.returncode == 0 for process in started)
    return said


def test_one_of_several_processes_compiles_and_the_others_read(tmp_path: Path) -> None:
    said = run_together(tmp_path, "int64", "int64", "int64")
    assert sorted(said) == [["2.5", "0", "0"], ["2.5", "0", "0"], ["2.5", "1", "1"]]
