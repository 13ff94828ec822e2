"""kill -9 at any moment leaves a registry that loads."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from registry_child import publish

from recsys.registry import Registry

CHILD = Path(__file__).with_name("registry_child.py")
WRITERS = Path(__file__).with_name("dying_writers.py")


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_leaves_a_registry_that_loads(tmp_path: Path, seed: int) -> None:
    child = subprocess.Popen([sys.executable, str(CHILD), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    finished = [child.stdout.readline().strip() for _ in range(2)]
    threading.Event().wait(random.Random(seed).uniform(0, 0.02))  # any moment of a publication that takes about that
    child.kill()
    finished += child.stdout.read().split()
    child.stdout.close()
    child.wait()

    registry = Registry(tmp_path)
    current = registry.current()
    assert current in registry.versions()
    assert set(finished) <= set(registry.versions())
    assert current >= finished[-1]
    for version in registry.versions():
        registry.path_of(version)
    assert registry.history()[-1].version == current

    version = publish(registry, "after the crash")
    assert registry.current() == version
    assert registry.rollback("test") == current
    assert not list((tmp_path / "versions").glob(".*")), "what the dead writer left was swept"


def test_a_retrainer_that_dies_at_any_step_leaves_a_registry_that_loads(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(WRITERS), str(tmp_path)], capture_output=True, text=True, check=True)
    steps = int(done.stdout)
    assert steps > 40, "syncs and renames of publishing, promoting, refusing, removing and rolling back"
    for step in range(1, steps + 1):
        registry = Registry(tmp_path / f"{step:03d}")
        current = registry.resolve(None)
        registry.path_of(current)
        for version in registry.versions():
            registry.path_of(version)
        assert registry.history()[-1].version == current, step
        assert all(isinstance(entry.why, str) for entry in registry.decisions())
        version = publish(registry, "after the crash")
        registry.refuse(None, "too few events")
        assert registry.current() == version
        assert registry.decisions()[-1].why == "too few events"
        assert registry.rollback("test") == current
        assert not list((registry.path / "versions").glob(".*")), "what the dead writer left was swept"
