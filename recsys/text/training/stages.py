"""A training from its start to its end: the network, what a teacher says, then with the network the encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from recsys.config import TextConfig
from recsys.progress import Progress
from recsys.text.curves import Point, TensorBoardLog
from recsys.text.encoder import TextEncoder
from recsys.text.examples import Examples
from recsys.text.network import InterestNetwork
from recsys.text.plan import StagePlan, Stopwatch
from recsys.text.teaching.distillation import SoftTargets
from recsys.text.teaching.teacher import Teacher
from recsys.text.teaching.teacher_training import train_teacher
from recsys.text.team import Team
from recsys.text.training.checkpoint import Checkpoints
from recsys.text.training.learner import Learner
from recsys.text.training.sampling import Sampler
from recsys.text.training.stage import train_stage
from recsys.text.tuning.adapter import AdaptedEncoder
from recsys.text.tuning.lower import LowerLayers

NETWORK, TEACHER = "network", "teacher"
"""Stages; the third is named after `text.peft`."""

_PASSES = 4
"""The encoder is tuned where at least this many passes over the catalogue fit into the time that is left."""

_TO_TEACH, _TO_ASK = 0.5, 0.2
"""Shares of the teacher's time: first it learns, then it gives soft targets; in the rest the network learns these."""

_GENTLY = 0.25
"""Learning rate of a network that learns from a teacher, as a share of that of one that starts."""


@dataclass(frozen=True)
class Learned:
    """What a training starts from, and what it ends with.

    Attributes:
        vectors: (n_items, dim) float32 encoder vectors.
        curve: what was measured on the way.
    """

    encoder: TextEncoder
    network: InterestNetwork
    vectors: NDArray[np.float32]
    curve: tuple[Point, ...]


@dataclass(frozen=True)
class Training:
    """All that a training needs, so that it can be handed to other processes.

    Attributes:
        start: where it begins.
        tokens: of each text.
        bags: (n_items, n_tokens) words of each text.
        sampler, validation: examples to learn from, and later ones to stop by.
        checkpoints: where it is kept as it goes; None keeps nothing.
        epochs: most passes over the examples, by stage.
        minutes: wall-clock budget.
    """

    start: Learned
    tokens: Sequence[Sequence[int]]
    bags: sp.csr_matrix
    sampler: Sampler
    validation: Examples
    checkpoints: Checkpoints | None
    config: TextConfig
    epochs: Mapping[str, int]
    seed: int
    minutes: float

    def run(self, team: Team, progress: Progress) -> Learned:
        """Train the network, then with it the encoder, if the time that is left is enough for it."""
        network, config = self.start.network, self.config
        board = TensorBoardLog(Path(config.tensorboard)) if config.tensorboard and team.rank == 0 else None
        learner = Learner(
            network=network,
            vectors=self.start.vectors,
            bags=self.bags,
            sampler=self.sampler,
            validation=self.validation,
            progress=progress,
            checkpoints=self.checkpoints,
            board=board,
            team=team,
        )
        begun = learner.saved()
        position = begun[0] if begun is not None else None
        clock = Stopwatch(position.seconds if position is not None else 0.0)
        encoder = self.start.encoder
        if position is None or position.stage == NETWORK:
            train_stage(learner, self._plan(NETWORK, clock, 0.0))
            if config.distil > 0:
                self._learn_from_teacher(learner, self._plan(TEACHER, clock, clock.seconds))
        if config.peft != "none":
            tuning = position is not None and position.stage == config.peft
            started = position.started if position is not None and tuning else clock.seconds
            encoder = self._tune(learner, self._plan(config.peft, clock, started))
        if self.checkpoints is not None and team.rank == 0:
            self.checkpoints.clear()
        if board is not None:
            board.close()
        return Learned(encoder, network, learner.vectors, learner.curve)

    def _plan(self, stage: str, clock: Stopwatch, started: float) -> StagePlan:
        return StagePlan(
            stage=stage,
            epochs=self.epochs[stage],
            learning_rate=self.config.learning_rate,
            accumulate=self.config.accumulate,
            seed=self.seed,
            clock=clock,
            started=started,
            deadline=60.0 * self.minutes,
        )

    def _learn_from_teacher(self, learner: Learner, plan: StagePlan) -> None:
        """Train a teacher, and the network on what it says; the network is reset where that is no gain."""
        left = (plan.deadline - plan.started) * (1.0 if self.config.peft == "none" else 0.5)

        def until(share: float) -> StagePlan:
            return replace(plan, started=plan.clock.seconds, deadline=plan.started + share * left)

        lower = LowerLayers(self.start.encoder, self.tokens, self.config.upper_layers)
        if not lower.keep(until(_TO_TEACH).is_over):
            learner.progress("text: no teacher: the budget is spent; raise text.budget_minutes")
            return
        teacher, scorer, training = Teacher.untrained(lower, plan.seed), learner.scorer(), self.sampler.examples
        train_teacher(teacher, scorer, training, self.validation, until(_TO_TEACH), learner.progress)
        if teacher.weight == 0.0:
            learner.progress("text: the teacher is left out: what it says does not explain the newest events")
            return
        soft_targets = SoftTargets.of(teacher, scorer, training, until(_TO_TEACH + _TO_ASK), self.config.distil)
        last = replace(until(1.0), learning_rate=_GENTLY * plan.learning_rate)
        if not train_stage(learner, last, soft_targets=soft_targets):
            learner.progress("text: the teacher is left out: with it the newest events are not ranked better")

    def _tune(self, learner: Learner, plan: StagePlan) -> TextEncoder:
        """Tune the encoder together with the network; both stay as they are where that is not clearly better."""
        config, encoder, team, progress = self.config, self.start.encoder, learner.team, learner.progress
        assert config.peft != "none"
        if team.max(plan.is_over()):
            progress(f"text: no {config.peft}: the budget is spent; raise text.budget_minutes to tune the encoder")
            return encoder
        torch.manual_seed(plan.seed)  # every process starts from the same adapter
        adapter = AdaptedEncoder(encoder, self.tokens, config.peft, config.lora_rank, config.upper_layers, team)
        needed = team.max(_PASSES * adapter.seconds_per_pass)
        if team.max(plan.is_over(needed)) or team.max(not adapter.lower.keep(plan.is_over)):
            progress(
                f"text: no {config.peft}: {max(0.0, plan.deadline - plan.clock.seconds):.0f} s of the budget are left, "
                f"and tuning takes at least {needed:.0f} s; raise text.budget_minutes"
            )
            return adapter.abandoned()
        if train_stage(learner, plan, adapter):
            return adapter.finished()
        progress(
            f"text: {config.peft} is left out: it does not rank the newest events better than the encoder as it is"
        )
        return adapter.abandoned()
