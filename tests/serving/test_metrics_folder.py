"""Folders of metrics: kept while a process of their server lives, removed by the next server when none does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.watching import metrics_folder as module
from serving.watching.metrics_folder import metrics_folder

SERVER = """
import os, sys, time
from pathlib import Path
from serving.watching.metrics_folder import metrics_folder
with metrics_folder(Path(sys.argv[1])) as folder:
    (folder / "counter_1.db").write_bytes(b"1")
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_server_left_is_removed_when_its_last_worker_is_gone(tmp_path: Path) -> None:
    other = tmp_path / "recsys-metrics-abcdefgh"  # of an earlier release, perhaps in use
    other.mkdir()
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        left = Path(server.stdout.readline().decode().strip())
        with metrics_folder(tmp_path) as own:
            assert left.is_dir(), "it is in use"
        server.kill()
        server.wait()
        with metrics_folder(tmp_path) as own:
            assert left.is_dir(), "a worker still counts in it"
        server.stdin.close()
        assert server.stdout.read() == b""  # the worker has ended
    with metrics_folder(tmp_path) as own:
        assert sorted(tmp_path.iterdir()) == sorted([other, own])
    assert list(tmp_path.iterdir()) == [other]


def test_a_folder_that_is_swept_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = module.hold_folder, []

    def late(folder: Path) -> int | None:
        if not swept:
            swept.append(folder)
            folder.rmdir()
        return real(folder)

    monkeypatch.setattr(module, "hold_folder", late)
    with metrics_folder(tmp_path) as own:
        assert own.is_dir()
        assert own != swept[0]


def test_a_place_in_memory_without_room_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped file for which there is no room kills who writes to it."""
    monkeypatch.setattr(module, "_MEMORY", str(tmp_path))
    with metrics_folder() as own:
        assert own.parent == tmp_path
    monkeypatch.setattr(module, "_ROOM", 1 << 62)
    with metrics_folder() as own:
        assert own.parent != tmp_path


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_folders_of_other_users_and_links_stay(tmp_path: Path) -> None:
    foreign, elsewhere, link = (
        tmp_path / name for name in ("recsys-metrics-locked-a", "elsewhere", "recsys-metrics-locked-b")
    )
    foreign.mkdir()
    os.chown(foreign, 65534, 65534)
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    with metrics_folder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {
        "recsys-metrics-locked-a",
        "elsewhere",
        "recsys-metrics-locked-b",
    }
