"""Hyper-parameters of the ranker, searched by Optuna (Akiba et al., KDD 2019) over rows that are made already."""

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from recsys.config import RankerConfig
from recsys.errors import ConfigError, DataError
from recsys.progress import Progress
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.row_metrics import mean_ndcg
from recsys.rank.rows import RankerRows
from recsys.rank.samples import split, to_learn_from

if TYPE_CHECKING:
    import optuna

_RANGES: dict[str, tuple[int, int] | tuple[float, float]] = {
    "trees": (10, 600),
    "leaves": (4, 127),
    "learning_rate": (0.01, 0.3),
    "min_rows_per_leaf": (5, 500),
    "negatives": (20, 400),
}
"""Search ranges, widened where the configured value lies outside."""

TUNED = tuple(_RANGES)
"""Keys of `[ranker]` that are tuned."""


@dataclass(frozen=True)
class Tuning:
    """How many trials, and where they are kept.

    Attributes:
        trials: in all; completed ones of an interrupted run of the same study count.
        file: SQLite file of the studies; None: they are not kept.
        name: of the study; runs on the same data share one.

    Raises:
        ConfigError: Optuna is not installed.
    """

    trials: int
    file: Path | None = field(default=None)
    name: str = "ranker"

    def __post_init__(self) -> None:
        if importlib.util.find_spec("optuna") is None:  # fail now, and not after the sources have learned
            raise ConfigError("tuning needs Optuna: install recsys[tune]")


@dataclass(frozen=True)
class Trial:
    """One trial: the settings and the ndcg@10 over the candidates of the newest requests of the ranker window."""

    number: int
    ndcg: float
    settings: dict[str, float]


@dataclass(frozen=True)
class TuningInputs:
    """What every trial needs.

    Attributes:
        train: rows to learn from.
        stopping: newer ones, which may end the trees early.
        judges: the newest ones, by which the settings are compared.
        columns: of all of them.
    """

    train: RankerRows
    stopping: RankerRows
    judges: RankerRows
    columns: Columns
    config: RankerConfig
    seed: int

    def opened(self) -> "TuningInputs":
        """Itself, as the `open_` of a `Run`: these inputs travel with the call."""
        return self

    def tried(self, number: int, settings: dict[str, float]) -> Trial:
        """A ranker with these settings, judged. If its rows hold no order to learn, its ndcg is 0, and the search goes
        on."""
        config = self.config.model_copy(update=settings)
        train = to_learn_from(self.train, config, self.seed)
        if not train.has_order:
            return Trial(number, 0.0, settings)
        ranker = Ranker.fit(train, self.stopping, self.columns, config, self.seed)
        return Trial(number, mean_ndcg(self.judges, ranker.score(self.judges.table)), settings)


class Run(Protocol):
    """Does tasks as `recsys.pipeline.engines.engine.Engine.run` does, here or in many processes."""

    def __call__(
        self, open_: Callable[[], TuningInputs], work: Callable[..., Trial], tasks: Iterable[tuple[Any, ...]], /
    ) -> Iterator[Trial | None]: ...


def in_this_process(
    open_: Callable[[], TuningInputs], work: Callable[..., Trial], tasks: Iterable[tuple[Any, ...]], /
) -> Iterator[Trial | None]:
    """A `Run` in this process: one try after the other."""
    inputs = open_()
    for task in tasks:
        yield work(inputs, *task)


def tuned(
    rows: RankerRows,
    columns: Columns,
    config: RankerConfig,
    tuning: Tuning,
    seed: int,
    progress: Progress,
    run: Run = in_this_process,
) -> tuple[RankerConfig, tuple[Trial, ...]]:
    """The settings that rank the newest requests best, and all that were tried, best first.

    Rankers learn from the older requests, and the newest ones judge them. With early stopping, the newest of the older
    ones only decide when a fit ends. The first trial is `config` itself, so that the result is never judged worse than
    it. The test window is not looked at.

    Where trials run side by side, the next one is chosen as if those that still run had failed ("constant liar";
    Ginsbourger et al., Kriging is well-suited to parallelize optimization, 2010), so that they differ.

    Raises:
        DataError: the rows are too few to be cut so.
    """
    older, judges = split(rows)
    train, stopping = split(older) if config.early_stopping else (older, older)
    if not (train.positive.any() and stopping.positive.any() and judges.positive.any()):
        times = "three" if config.early_stopping else "two"
        raise DataError(
            f"the ranker window is too short to tune on: it needs wanted items at {times} distinct times; train "
            "without --tune, or on more events"
        )
    study = _study(tuning, seed)
    start, done = {key: getattr(config, key) for key in TUNED}, _completed(study)
    if start not in [trial.settings for trial in done]:
        study.enqueue_trial(start)
    inputs = TuningInputs(train, stopping, judges, columns, config, seed)
    tasks = (_suggested(study.ask(), start) for _ in range(tuning.trials - len(done)))
    number = len(done)
    for trial in run(inputs.opened, TuningInputs.tried, tasks):
        if trial is not None:  # None only says that a process has opened the inputs
            number += 1
            study.tell(trial.number, trial.ndcg)
            count = f"trial {number} of {tuning.trials}"
            progress(f"{count}: ndcg@10 {trial.ndcg:.4f} with {_in_words(trial.settings)}")
    trials = sorted(_completed(study), key=lambda trial: -trial.ndcg)
    best = {key: trials[0].settings[key] for key in TUNED} if trials else {}
    return config.model_copy(update=best), tuple(trials)


def _study(tuning: Tuning, seed: int) -> "optuna.Study":
    """The study of this name: new, or as an earlier run left it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if tuning.file is not None:
        tuning.file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=tuning.name,
        storage=None if tuning.file is None else f"sqlite:///{tuning.file}",
        load_if_exists=True,
        direction="maximize",
    )
    # A study that goes on must not repeat the draws of the run before it.
    drawn = len(study.get_trials(deepcopy=False))
    with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
        study.sampler = optuna.samplers.TPESampler(seed=seed + drawn, constant_liar=True)
    for left in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)  # of an interrupted run
    return study


def _suggested(trial: "optuna.Trial", start: dict[str, Any]) -> tuple[int, dict[str, float]]:
    """The number and the settings of a trial that the sampler proposes; `start` are the settings of the config."""
    settings: dict[str, float] = {}
    for key, (low, high) in _RANGES.items():
        suggest = trial.suggest_float if isinstance(low, float) else trial.suggest_int
        settings[key] = suggest(key, min(low, start[key]), max(high, start[key]), log=True)
    return trial.number, settings


def _completed(study: "optuna.Study") -> list[Trial]:
    """The trials that were completed, oldest first; those of a release that tuned other keys do not count."""
    return [
        Trial(trial.number, float(trial.value), dict(trial.params))
        for trial in study.trials
        if trial.value is not None and trial.params.keys() == set(TUNED)
    ]


def _in_words(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value:.3g}" for key, value in settings.items())
