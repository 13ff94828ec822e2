"""Settings tried in other processes: each trial is what it would be in this one."""

import pytest
from pipeline_world import trials

from recsys.pipeline.engines.processes import Processes
from recsys.rank.tuning import in_this_process

pytest.importorskip("optuna")


def test_one_process_tries_what_this_one_would() -> None:
    assert trials(12, Processes(1).run) == trials(12, in_this_process)  # after ten the others decide what is tried


def test_two_processes_try_side_by_side() -> None:
    assert trials(4, Processes(2).run) == trials(4, in_this_process)  # the first ten are drawn before anything is known
