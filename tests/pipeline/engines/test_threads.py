"""Work in threads of one process gives what it gives one after the other, and shares the cores."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from features.declarations import FEATURES
from features.feature_set import FeatureSet
from recsys.config import RankerConfig
from recsys.errors import DataError
from recsys.pipeline.engines.threads import in_threads, usable_cores
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.training_run import TrainingRun
from recsys.rank.rows import RankerRows
from recsys.rank.samples import LearningRows


@pytest.fixture
def two_cores() -> Iterator[None]:
    """OpenMP may use two threads, whatever the environment of the tests says."""
    with threadpool_limits(2, user_api="openmp"):
        yield


def test_all_tasks_are_done_by_threads_that_share_the_cores(two_cores: None) -> None:
    found = list(in_threads(lambda number: (number, usable_cores()), [(1,), (2,), (3,)], 2))
    assert sorted(found) == [(1, 1), (2, 1), (3, 1)]
    assert usable_cores() == 2


@pytest.mark.parametrize("error", [DataError, SystemExit])  # the second one is no `Exception`, as panics of polars
def test_the_first_error_is_raised_and_ends_the_work(two_cores: None, error: type[BaseException]) -> None:
    def fail(number: int) -> int:
        raise error(f"task {number} failed")

    with pytest.raises(error, match="task 1 failed"):
        list(in_threads(fail, [(1,)], 2))


INTERRUPTED = """
from threading import Event
import polars  # its handler of Ctrl-C lets waits go on
from recsys.pipeline.engines.threads import in_threads

def work():
    print("begun", flush=True)
    Event().wait()

list(in_threads(work, [()], 1))
"""


def test_ctrl_c_does_not_wait_for_the_threads() -> None:
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


def rows(n_requests: int, start: int, features: FeatureSet) -> RankerRows:
    """Requests of ten candidates each, of which the one with the largest sum of columns is wanted."""
    rng = np.random.default_rng(start)
    table = rng.normal(size=(n_requests * 10, len(features.features))).astype(np.float32)
    gains = np.zeros(len(table), dtype=np.float32)
    gains[table.sum(axis=1).reshape(n_requests, 10).argmax(axis=1) + 10 * np.arange(n_requests)] = 1
    sizes, times = np.full(n_requests, 10), start + np.arange(n_requests)
    return RankerRows(table, gains, gains > 0, sizes, times, np.full(len(table), 3, dtype=np.uint16))


def test_rankers_are_the_same_side_by_side(two_cores: None, tmp_path: Path) -> None:
    features = FeatureSet(tuple(feature for feature in FEATURES if feature.needs is None)[:12])
    learning = LearningRows(rows(120, 0, features), rows(30, 1_000, features))
    arguments = learning, features, ("popular", "als"), RankerConfig(trees=10), TrainingRun()
    Rankers.fit(*arguments).save(tmp_path / "side by side")
    with threadpool_limits(1):
        assert usable_cores() == 1
        Rankers.fit(*arguments).save(tmp_path / "one by one")
    files = sorted(path.name for path in (tmp_path / "one by one").iterdir())
    assert "without_behaviour.txt" in files
    for name in files:
        assert (tmp_path / "side by side" / name).read_bytes() == (tmp_path / "one by one" / name).read_bytes()
