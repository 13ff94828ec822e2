"""The rows of the tables of rankings from text alone; each is measured once and kept in a file."""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import print_progress
from benchmarks.text.cold import Tenth
from benchmarks.text.rankings import FROZEN, Score, figures, frozen, target_ranks
from benchmarks.text.worlds import TextRequests, TextWorld, load
from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.text.cache import VectorCache
from recsys.text.fitting import InterestFitting, fit_teacher
from recsys.text.interest import InterestModel
from recsys.text.plan import StagePlan
from recsys.text.teaching.teacher import Teacher
from recsys.text.training.learner import Learner
from recsys.text.training.stage import train_stage
from recsys.text.training.validation import is_better

CANDIDATES = 300
_RERANKED = 30
_MOST_RERANKED = 500
"""The teacher is slow: so many requests of each window are reranked."""
_TIMED_TEXTS = 128


@dataclass(frozen=True)
class Row:
    """One line of the table: ndcg@10 and recall@10 with 95 % intervals, minutes, speeds; '-' where there is none."""

    name: str
    validation: tuple[str, str]
    test: tuple[str, str]
    minutes: str = "-"
    texts_per_second: str = "-"
    microseconds: str = "-"

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns."""
        return (self.name, *self.validation, *self.test, self.minutes, self.texts_per_second, self.microseconds)


class CpuWatch:
    """CPU time since it was made."""

    def __init__(self) -> None:
        self._started = time.process_time()

    @property
    def seconds(self) -> float:
        """CPU seconds since then."""
        return time.process_time() - self._started

    def minutes(self, before: Row | None = None) -> str:
        """The minutes as shown in a table; if an earlier row is part of the work, with its minutes before them."""
        minutes = f"{self.seconds / 60:.1f}"
        return minutes if before is None else f"{before.minutes} + {minutes}"


@dataclass(frozen=True)
class Bench:
    """The rows of one data set; each `row_...` measures one."""

    name: str
    arguments: argparse.Namespace
    cache: VectorCache
    folder: Path

    @cached_property
    def world(self) -> TextWorld:
        """The log to learn from, and the requests."""
        return load(self.name, self.arguments.data, self.folder.parent)

    @property
    def texts(self) -> list[str]:
        """What the items say."""
        return self.world.dataset.catalogue.texts

    @cached_property
    def plain(self) -> InterestModel:
        """The network on frozen vectors: what the other rows start from."""
        self.row("none")
        return InterestModel.load(self.folder / "none")

    def row(self, kind: str) -> Row:
        """One row, measured now or before."""
        path = self.folder / f"{kind}.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(self._measured(kind)), indent=1), encoding="utf-8")
            part.replace(path)
        return Row(**json.loads(path.read_text(encoding="utf-8")))

    def fitted(
        self,
        log: InteractionLog,
        way: Any,
        *,
        earlier: InterestModel | None = None,
        distil: float = 0.0,
        minutes: float | None = None,
    ) -> InterestModel:
        """A model within the budget."""
        config = TextConfig(peft=way, distil=distil)
        budget = self.arguments.minutes if minutes is None else minutes
        return InterestFitting(
            self.texts, log, config, minutes=budget, cache=self.cache, earlier=earlier, progress=print_progress
        ).run()

    def tenth(self, last: int) -> Tenth:
        """The model that never met the items whose number ends in a digit."""
        folder = self.folder / f"cold{last}"
        return Tenth.of(self.world, last, lambda log: self.fitted(log, "none"), folder)

    def _measured(self, kind: str) -> Row:
        if kind in FROZEN:
            name, newest = FROZEN[kind]
            return Row(name, *self._figures(frozen(self.plain.base_vectors, newest)))
        if kind == "none":
            return self._trained_on_frozen_vectors()
        if kind == "some":
            name = f"trained on frozen vectors, {_MOST_RERANKED} of the requests"
            validation, test = (figures(target_ranks(window, self.plain.score)) for window in self._some)
            return Row(name, validation, test)
        if kind == "teacher":
            return self._reranked()
        if kind == "distilled":
            return self._gone_on("none", "trained, then taught by a teacher", distil=1.0)
        return self._gone_on(kind, f"trained, then encoder tuned: {kind}")

    def _trained_on_frozen_vectors(self) -> Row:
        self.fitted(self.world.log, "none", minutes=0)  # every text is in the cache: encoding is not counted
        watch = CpuWatch()
        model = self.fitted(self.world.log, "none")
        minutes = watch.minutes()
        model.save(self.folder / "none")
        return Row("trained on frozen vectors", *self._figures(model.score), minutes, *self._speeds(model))

    def _gone_on(self, way: str, name: str, distil: float = 0.0) -> Row:
        """Go on from the network, which is not trained again.

        The result is measured even where a training would not keep it.
        """
        verdicts: list[bool] = []

        def beyond_the_network(
            learner: Learner, plan: StagePlan, adapter: Any = None, soft_targets: Any = None
        ) -> bool:
            goes_on = adapter is not None or soft_targets is not None
            return goes_on and train_stage(learner, plan, adapter, soft_targets)

        def remembered(now: NDArray[np.float64], before: NDArray[np.float64]) -> bool:
            verdicts.append(is_better(now, before))
            return True

        before, watch, budget = self.row("none"), CpuWatch(), self.arguments.tuning
        with (
            patch("recsys.text.training.stages.train_stage", beyond_the_network),
            patch("recsys.text.training.stage.is_better", remembered),
        ):
            model = self.fitted(self.world.log, way, earlier=self.plain, distil=distil, minutes=budget)
        minutes = watch.minutes(before)
        if not verdicts:
            return Row(f"{name} (nothing came of it in {budget:g} minutes)", ("-", "-"), ("-", "-"))
        verdict = "kept" if verdicts[-1] else "left out by its own check"
        return Row(f"{name} ({verdict})", *self._figures(model.score), minutes, *self._speeds(model))

    def _reranked(self) -> Row:
        """The teacher on the best items by the network."""
        before, watch, budget = self.row("none"), CpuWatch(), self.arguments.tuning
        teacher = fit_teacher(
            self.plain, self.texts, self.world.log, TextConfig(), minutes=budget, progress=print_progress
        )
        minutes = watch.minutes(before)
        teacher.save(self.folder / "teacher")
        watch = CpuWatch()
        validation, test = (figures(reranked(window, self.plain, teacher)) for window in self._some)
        microseconds = watch.seconds / sum(map(len, self._some)) * 1e6
        name = f"teacher reranks the {_RERANKED} best of the same"
        return Row(name, validation, test, minutes, "-", f"{microseconds:.0f} ({_RERANKED} items)")

    @cached_property
    def _some(self) -> tuple[TextRequests, TextRequests]:
        return self.world.validation.some(_MOST_RERANKED), self.world.test.some(_MOST_RERANKED)

    def _figures(self, score: Score) -> tuple[tuple[str, str], tuple[str, str]]:
        return figures(target_ranks(self.world.validation, score)), figures(target_ranks(self.world.test, score))

    def _speeds(self, model: InterestModel) -> tuple[str, str]:
        """Texts a second, in float32 through torch; microseconds of one user and 300 items, one request at a time."""
        texts = list(dict.fromkeys(self.texts))[:: max(1, len(self.texts) // _TIMED_TEXTS)]
        watch = CpuWatch()
        model.reader.encoder.encode(texts)
        rate = len(texts) / watch.seconds
        generator, seconds = np.random.default_rng(0), []
        for row in range(min(300, len(self.world.test))):
            items = generator.integers(len(model), size=(1, CANDIDATES))
            history = self.world.test.histories.block(row, row + 1)
            watch = CpuWatch()
            model.scorer.score_items(history, items)
            seconds.append(watch.seconds)
        return f"{rate:.0f}", f"{np.median(seconds) * 1e6:.0f}"


def reranked(requests: TextRequests, model: InterestModel, teacher: Teacher) -> NDArray[np.int64]:
    """(n_requests,) rank of each target after the best items were reranked; the others keep their ranks."""
    histories, targets, rows = requests.histories, requests.targets[:, None], np.arange(len(requests))
    scores = model.score(histories)
    own = scores[rows, requests.targets]
    scores[histories.rows, histories.items] = -np.inf
    scores[rows, requests.targets] = own
    items = np.argsort(-scores, axis=1, kind="stable")[:, :_RERANKED]
    again = teacher.rerank(np.take_along_axis(scores, items, axis=1), histories, items)
    held = items == targets
    wanted = np.where(held, again, -np.inf).max(axis=1)
    ranks: NDArray[np.int64] = np.where(held.any(axis=1), (again >= wanted[:, None]).sum(axis=1) - 1, _RERANKED)
    return ranks
