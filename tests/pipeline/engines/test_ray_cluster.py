"""Ray in a process of its own: on a machine too slow for it, Ray ends or holds up the process that it is in."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

_CHECKS = Path(__file__).with_name("on_two_ray_nodes.py")

_SECONDS = 540
"""Three minutes on two idle processors; less than the suite gives a test."""


@pytest.mark.slow  # two nodes, and Ray Train's six processes
def test_on_two_nodes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray: install recsys[ray]")
    verdict, output = tmp_path / "verdict.xml", tmp_path / "output"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={verdict}", str(_CHECKS)]
    with (
        output.open("wb") as written,
        subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, start_new_session=True) as child,
    ):
        try:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # with the nodes, if it did not come to ending them
    said = output.read_text(errors="replace")
    if child.returncode not in (0, 1) or not verdict.exists():  # pytest itself came to no verdict
        pytest.skip(f"Ray does not hold on this machine (exit status {child.returncode}): {said[-400:]}")
    assert child.returncode == 0, said
