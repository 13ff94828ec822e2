"""Training: sampled softmax over next events, early stopping on later ones, under a wall-clock budget."""

import math
import time
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from recsys.progress import Progress
from recsys.text.adapter import AdaptedEncoder
from recsys.text.checkpoint import Checkpoints, Position
from recsys.text.curves import Point, TensorBoardLog
from recsys.text.distillation import SoftTargets
from recsys.text.examples import Examples
from recsys.text.losses import batch_loss
from recsys.text.network import InterestNetwork
from recsys.text.plan import StagePlan, schedule
from recsys.text.sampling import Batch, Sampler
from recsys.text.scoring import Scorer
from recsys.text.team import ALONE, Team
from recsys.text.training_state import CheckedState, StageStates, TrainingState, resume
from recsys.text.validation import is_better, ndcg_of_targets

_STEPS_BETWEEN_CHECKS = 160
"""Most steps between two checks, which split an epoch evenly."""
_PATIENCE = 4
"""Checks without a better state after which a stage ends."""
_NOISE = 0.015
"""A later state is kept unless it is worse than the best by more than this share: the schedule favours late ones."""
_WEIGHT_DECAY = 0.01
_TOKENS_PER_STEP = 2_048
"""Tokens of a batch that the encoder reads with a gradient."""
_ALONE_RATE = 4.0
"""Learning rate of the network when it is trained alone, as a multiple of that beside an adapter."""
_SOFT_TARGETS = 32
"""Requests whose soft targets are part of each step."""
_SLACK = 1.25
"""Measured durations are multiplied by this: the same work may take a little longer the next time."""


@dataclass
class Trainer:
    """Trains an interest network, and with it an adapter if one is given, on the texts of a catalogue.

    In a team every process draws the same batches, and works on its share of the targets, texts and validation
    examples; summed over processes, the gradients are those of one process alone.

    Attributes:
        network: what is trained, in place.
        vectors: (n_items, dim) float32 encoder vectors as the adapter stands.
        bags: (n_items, n_tokens) words of each text.
        sampler, validation: examples to learn from, and later ones to stop by.
        checkpoints, board: where checkpoints and learning curves go; None: nowhere.
        curve: what was measured, all stages in turn.
        seconds_per_check, seconds_per_step: what the last ones took; 0 before the first.
    """

    network: InterestNetwork
    vectors: NDArray[np.float32]
    bags: sp.csr_matrix
    sampler: Sampler
    validation: Examples
    progress: Progress
    checkpoints: Checkpoints | None = None
    board: TensorBoardLog | None = None
    team: Team = ALONE
    curve: tuple[Point, ...] = field(default=(), init=False)
    seconds_per_check: float = field(default=0.0, init=False)
    seconds_per_step: float = field(default=0.0, init=False)
    _epoch: tuple[int, list[NDArray[np.int64]]] = field(default=(-1, []), init=False)

    def scorer(self) -> Scorer:
        """The network as it stands, for inference."""
        return self.network.scorer(self.vectors, self.bags)

    def fit(
        self, plan: StagePlan, adapter: AdaptedEncoder | None = None, soft_targets: SoftTargets | None = None
    ) -> bool:
        """Train until the plan ends or validation stops improving, then restore the best state.

        An interrupted training of the same stage resumes from its last checkpoint. With soft targets no checkpoint is
        written: after an interruption the teacher is trained again.

        Returns:
            True where the result is better than the start by more than chance. Where it is not, an adapter (and the
            network trained with it, or with soft targets) is reset to the start.
        """
        return Stage(self, plan, adapter, soft_targets).run()

    def saved(self) -> tuple[Position, dict[str, torch.Tensor]] | None:
        """What an interrupted training left, as the first process of the team finds it."""
        first = self.checkpoints is not None and self.team.rank == 0
        return self.team.broadcast(self.checkpoints.read() if self.checkpoints is not None and first else None)

    def check(self) -> NDArray[np.float64]:
        """(n_validation,) ndcg@10 of each later example, as the network stands."""
        started = time.monotonic()
        share, values = self.team.share(len(self.validation)), np.zeros(len(self.validation))
        values[share] = ndcg_of_targets(self.scorer(), self.validation.select(share))
        values = self.team.sum(torch.from_numpy(values)).numpy()
        self.seconds_per_check = time.monotonic() - started
        return values

    def record(self, point: Point) -> None:
        """Add a point to the curve."""
        self.curve = (*self.curve, point)
        if self.board is not None:
            self.board.add(point)

    def examples_of(self, seed: int, number: int) -> NDArray[np.int64]:
        """The examples of one batch: every epoch is a permutation of its own."""
        n = len(self.sampler.examples)
        epoch, place = divmod(number, math.ceil(n / self.sampler.batch_size))
        if self._epoch[0] != epoch:
            order = np.random.default_rng([seed, 0, epoch]).permutation(n)
            self._epoch = epoch, np.array_split(order, math.ceil(n / self.sampler.batch_size))
        return self._epoch[1][place]

    def read(self, items: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) what some items say, with gradient to the network alone."""
        return self.network.read_texts(
            torch.from_numpy(self.vectors[items]).to(self.network.prior.device), self.bags[items]
        )


class Stage:
    """One stage of a training: what learns in it by which optimizer, and how far it is.

    Attributes:
        position: how far it is.
        start, best: the state that it started from, and the best so far.
    """

    def __init__(
        self, trainer: Trainer, plan: StagePlan, adapter: AdaptedEncoder | None, soft_targets: SoftTargets | None
    ) -> None:
        self.trainer = trainer
        self.plan = plan
        self.adapter = adapter
        self.soft_targets = soft_targets
        self.optimizer = self._new_optimizer()
        self._peak_rates = [group["lr"] for group in self.optimizer.param_groups]
        saved = trainer.saved()
        if saved is not None and saved[0].stage == plan.stage:
            self.position, tensors = saved
            self.start, self.best = self._resume(tensors)
            trainer.curve = self.position.curve
            trainer.progress(f"text: {plan.stage} goes on from step {self.position.step}")
        else:
            self.start = self.best = CheckedState(self._state(), trainer.check())
            reached = float(self.start.ndcg.mean())
            self.position = Position(plan.stage, plan.started, plan.clock.seconds, 0, 0, reached, trainer.curve)
            trainer.record(Point(plan.stage, 0, plan.clock.seconds, None, reached))

    def run(self) -> bool:
        """Train, and restore the best state; see `Trainer.fit`."""
        steps, steps_per_check = self._steps()
        losses: list[float] = []
        while self.position.step < steps and self.position.since_best < _PATIENCE and not self._is_over():
            losses.append(self.step(self.trainer.team.max(self.plan.done(self.position.step, steps))))
            self.position = replace(self.position, step=self.position.step + 1)
            if self.position.step == steps or self.position.step % steps_per_check == 0 or self._is_over():
                self._check(float(np.mean(losses)), steps)
                losses.clear()
        better = is_better(self.best.ndcg, self.start.ndcg)
        keeps_best = better or (self.adapter is None and self.soft_targets is None)
        self._restore(self.best.state if keeps_best else self.start.state)
        return better

    def _steps(self) -> tuple[int, int]:
        """Steps of the stage at most, and steps between two checks, which split an epoch evenly."""
        sampler, plan = self.trainer.sampler, self.plan
        batches = math.ceil(len(sampler.examples) / sampler.batch_size)
        steps_per_epoch = math.ceil(batches / plan.accumulate)
        checks_per_epoch = math.ceil(steps_per_epoch / _STEPS_BETWEEN_CHECKS)
        return math.ceil(batches * plan.epochs / plan.accumulate), math.ceil(steps_per_epoch / checks_per_epoch)

    def _is_over(self) -> bool:
        """True where no time is left for one more step and the check that ends the stage."""
        passes = self.adapter.seconds_per_pass if self.adapter is not None else 0.0
        reserve = _SLACK * (self.trainer.seconds_per_check + self.trainer.seconds_per_step + passes)
        return bool(self.trainer.team.max(self.plan.is_over(reserve)))

    def step(self, done: float) -> float:
        """One step of the optimizer, at a share `done` of the stage; gives its loss.

        Its draws depend on seed and step alone, so training can resume at any step.
        """
        started, trainer, plan, adapter = time.monotonic(), self.trainer, self.plan, self.adapter
        for group, peak in zip(self.optimizer.param_groups, self._peak_rates, strict=True):
            group["lr"] = peak * schedule(done)
        trainer.network.train()
        self.optimizer.zero_grad()
        total = 0.0
        for number in range(self.position.step * plan.accumulate, (self.position.step + 1) * plan.accumulate):
            generator = np.random.default_rng([plan.seed, 1, number])
            torch.manual_seed(int(generator.integers(2**62)))
            batch = trainer.sampler.draw(trainer.examples_of(plan.seed, number), generator)
            loss = batch_loss(trainer.network, self._texts(batch, generator), batch, trainer.team)
            penalty = adapter.method.penalty() if adapter is not None else None
            whole = loss if penalty is None else loss + penalty / trainer.team.size
            if self.soft_targets is not None:
                whole = whole + self._loss_of_soft_targets(self.soft_targets, generator)
            (whole / plan.accumulate).backward()  # type: ignore[no-untyped-call]
            total += loss.item() / plan.accumulate
        trainer.team.sum_gradients(param for group in self.optimizer.param_groups for param in group["params"])
        self.optimizer.step()
        if adapter is not None:
            adapter.method.after_step(done)
        trainer.seconds_per_step = time.monotonic() - started
        return float(trainer.team.sum(torch.tensor(total, dtype=torch.float64)))

    def _texts(self, batch: Batch, generator: np.random.Generator) -> torch.Tensor:
        """What the items of a batch say, with gradient."""
        trainer, adapter = self.trainer, self.adapter
        vectors = torch.from_numpy(trainer.vectors[batch.items]).to(trainer.network.prior.device)
        if adapter is not None:
            # Gradients flow through as many texts as a step can afford; the others keep their last vectors.
            rows = generator.permutation(len(batch.items))
            fresh = rows[np.cumsum(adapter.lengths[batch.items[rows]]) <= _TOKENS_PER_STEP]
            adapter.train()
            places = torch.from_numpy(fresh).to(vectors.device)
            vectors = vectors.index_copy(0, places, adapter.embed(batch.items[fresh]))
        return trainer.network.read_texts(vectors, trainer.bags[batch.items])

    def _loss_of_soft_targets(self, soft_targets: SoftTargets, generator: np.random.Generator) -> torch.Tensor:
        """How far the network is from what a teacher says of some requests, as much as it counts."""
        trainer, sampler = self.trainer, self.trainer.sampler
        rows = generator.choice(len(soft_targets), min(_SOFT_TARGETS, len(soft_targets)), replace=False)
        loss = soft_targets.loss(trainer.network, trainer.read, rows, sampler.max_history, sampler.n_kinds)
        return soft_targets.weight * loss

    def _check(self, loss: float, steps: int) -> None:
        """Measure on later examples, keep the state if it is the best, and write a checkpoint.

        Args:
            loss: mean of the steps since the last check.
            steps: of the whole stage, for the message.
        """
        trainer, plan = self.trainer, self.plan
        if self.adapter is not None:
            trainer.vectors = self.adapter.vectors()
        ndcg = trainer.check()
        reached, best = float(ndcg.mean()), self.position.best
        if reached >= best * (1.0 - _NOISE):
            self.best = CheckedState(self._state(), ndcg)
            self.position = replace(self.position, best=max(best, reached), since_best=0)
        else:
            self.position = replace(self.position, since_best=self.position.since_best + 1)
        trainer.record(Point(plan.stage, self.position.step, plan.clock.seconds, loss, reached))
        trainer.progress(
            f"text: {plan.stage} step {self.position.step}/{steps}, loss {loss:.3f}, validation ndcg@10 "
            f"{reached:.4f} (start {self.start.ndcg.mean():.4f})"
        )
        if self.soft_targets is None:
            self._write()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        network, learning_rate, adapter = self.trainer.network, self.plan.learning_rate, self.adapter
        words = list(network.words.parameters())
        rest = [parameter for name, parameter in network.named_parameters() if not name.startswith("words.")]
        rate = learning_rate if adapter is not None else _ALONE_RATE * learning_rate
        groups = [
            {"params": words, "lr": rate, "weight_decay": 0.0},
            {"params": rest, "lr": rate, "weight_decay": _WEIGHT_DECAY},
        ]
        if adapter is not None:
            groups.append({"params": adapter.parameters(), "lr": adapter.rate * learning_rate, "weight_decay": 0.0})
        return torch.optim.AdamW(groups)

    def _state(self) -> TrainingState:
        network = {name: tensor.clone() for name, tensor in self.trainer.network.state_dict().items()}
        adapter = self.adapter.state() if self.adapter is not None else {}
        return TrainingState(network, adapter, self.trainer.vectors)

    def _restore(self, state: TrainingState) -> None:
        self.trainer.network.load_state_dict(state.network)
        self.trainer.vectors = state.vectors
        if self.adapter is not None:
            self.adapter.restore(state.adapter)

    def _write(self) -> None:
        """Write a checkpoint that `_resume` reads, in the first process of the team."""
        trainer = self.trainer
        if trainer.checkpoints is None or trainer.team.rank:
            return
        position = replace(self.position, seconds=self.plan.clock.seconds, curve=trainer.curve)
        states = StageStates(self._state(), self.start, self.best)
        trainer.checkpoints.write(position, states.tensors(self.optimizer, self.adapter))

    def _resume(self, tensors: dict[str, torch.Tensor]) -> tuple[CheckedState, CheckedState]:
        """Set everything to what a checkpoint holds; gives the start and the best so far."""
        states = StageStates.read(tensors, self.trainer.vectors)
        self._restore(states.now)
        resume(tensors, self.optimizer, self.adapter)
        return states.start, states.best
