"""Settings are sought on the ranker window alone, go on after an interruption, and are never worse than the start."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rank_world import rows_of

from recsys.config import RankerConfig
from recsys.errors import ConfigError, DataError
from recsys.progress import silent
from recsys.rank.columns import Columns
from recsys.rank.rows import RankerRows
from recsys.rank.tuning import TUNED, Run, Trial, Tuning, TuningInputs, in_this_process, tuned

pytest.importorskip("optuna")
START = RankerConfig(trees=10, min_rows_per_leaf=400, learning_rate=0.01)
COLUMNS = Columns(("signal", "noise"))


def make_rows(n_requests: int, size: int = 12) -> RankerRows:
    """In each request the item with the highest signal is wanted."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(n_requests * size, 2)).astype(np.float32)
    gains = np.zeros(len(table), dtype=np.float32)
    gains[table[:, 0].reshape(n_requests, size).argmax(axis=1) + np.arange(n_requests) * size] = 1
    return rows_of(table, gains, size)


def seek(
    trials: int, file: Path | None = None, n_requests: int = 120, run: Run = in_this_process
) -> tuple[RankerConfig, list[int], list[float]]:
    rows = make_rows(n_requests)
    config, tried = tuned(rows, COLUMNS, START, Tuning(trials, file), 0, silent, run=run)
    return config, [trial.number for trial in tried], [trial.ndcg for trial in tried]


def test_the_start_is_tried_first_and_the_best_is_taken() -> None:
    config, numbers, ndcgs = seek(4)
    assert sorted(numbers) == [0, 1, 2, 3]
    assert ndcgs == sorted(ndcgs, reverse=True)
    assert ndcgs[0] >= ndcgs[numbers.index(0)]
    assert {key for key, value in config if value != getattr(START, key)} <= set(TUNED)


def test_a_start_beyond_what_is_looked_through_is_tried_without_a_warning() -> None:
    start = START.model_copy(update={"leaves": 3, "negatives": 1_000})
    _, tried = tuned(make_rows(60), COLUMNS, start, Tuning(2), 0, silent)
    assert {"leaves": 3, "negatives": 1_000}.items() <= next(one for one in tried if one.number == 0).settings.items()


def test_without_the_library_it_is_refused_before_anything_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"install recsys\[tune\]"):
        Tuning(3)


def test_an_interrupted_study_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "studies.sqlite"
    _, first, _ = seek(2, file)
    config, both, ndcgs = seek(3, file)
    assert (sorted(first), sorted(both)) == ([0, 1], [0, 1, 2])
    again, same, repeated = seek(3, file)  # nothing is left to try
    assert (again, same, repeated) == (config, both, ndcgs)


def test_who_goes_on_tries_what_was_not_tried(tmp_path: Path) -> None:
    file = tmp_path / "studies.sqlite"
    for trials in (3, 5, 8):
        _, tried = tuned(make_rows(60), COLUMNS, START, Tuning(trials, file), 0, silent)
    assert len({tuple(trial.settings.items()) for trial in tried}) == len(tried) == 8


def test_a_try_that_was_cut_off_is_tried_again(tmp_path: Path) -> None:
    def cut_off(open_: object, work: object, tasks: Iterable[object]) -> Iterator[Trial | None]:
        next(iter(tasks))
        raise KeyboardInterrupt
        yield

    file = tmp_path / "studies.sqlite"
    with pytest.raises(KeyboardInterrupt):
        seek(2, file, run=cut_off)
    start = {key: getattr(START, key) for key in TUNED}
    told: list[str] = []
    tried = tuned(make_rows(120), COLUMNS, START, Tuning(2, file), 0, told.append)[1]
    assert len(tried) == 2
    assert [line.split(":")[0] for line in told] == ["trial 1 of 2", "trial 2 of 2"]
    assert start in [trial.settings for trial in tried]


def test_trials_of_a_release_that_sought_other_keys_do_not_count(tmp_path: Path) -> None:
    import optuna

    file = tmp_path / "studies.sqlite"
    study = optuna.create_study(study_name="ranker", storage=f"sqlite:///{file}", direction="maximize")
    study.optimize(lambda trial: float(trial.suggest_int("leaves", 4, 127, log=True)), n_trials=1)
    config, numbers, ndcgs = seek(2, file)
    assert len(numbers) == 2
    assert 0 not in numbers
    assert max(ndcgs) <= 1
    assert config.trees >= 10


def test_a_process_that_opens_is_not_counted_as_a_trial() -> None:
    def side_by_side(
        open_: Callable[[], TuningInputs], work: Callable[..., Trial], tasks: Iterable[tuple[Any, ...]], /
    ) -> Iterator[Trial | None]:
        yield from (None, None)
        yield from in_this_process(open_, work, tasks)

    said: list[str] = []
    tuned(make_rows(60), COLUMNS, START, Tuning(2), 0, said.append, run=side_by_side)
    assert [message.partition(":")[0] for message in said] == ["trial 1 of 2", "trial 2 of 2"]


def test_a_try_that_has_nothing_to_learn_ends_no_search() -> None:
    rows = make_rows(120)
    older = np.arange(len(rows.gains)) < 90 * 12
    gains = np.where(older, 1, rows.gains).astype(np.float32)
    config = START.model_copy(update={"early_stopping": 5})
    found, tried = tuned(replace(rows, gains=gains), COLUMNS, config, Tuning(2), 0, silent)
    assert [trial.ndcg for trial in tried] == [0, 0]
    assert found == config


def test_a_window_that_is_too_short_to_tune_on_is_refused() -> None:
    with pytest.raises(DataError, match="too short to tune on"):
        seek(1, n_requests=1)


@pytest.mark.parametrize(("early_stopping", "learned", "ending"), [(0, 96, 96), (5, 76, 20)])
def test_requests_that_end_nothing_teach(early_stopping: int, learned: int, ending: int) -> None:
    def sizes(open_: Callable[[], TuningInputs], work: object, tasks: Iterable[object]) -> Iterator[Trial | None]:
        bench = open_()
        found.extend((bench.train.n_requests, bench.stopping.n_requests, bench.judges.n_requests))
        yield from in_this_process(open_, TuningInputs.tried, tasks)  # type: ignore[arg-type]

    found: list[int] = []
    config = START.model_copy(update={"early_stopping": early_stopping})
    tuned(make_rows(120), COLUMNS, config, Tuning(1), 0, silent, run=sizes)
    assert found == [learned, ending, 24]
