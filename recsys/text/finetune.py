"""Training: sampled softmax over next events, early stopping on later ones, under a wall-clock budget."""

import math
import time
from dataclasses import replace

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
"""At most; checks split an epoch evenly."""
_PATIENCE = 4
"""Checks without a better state after which a stage ends."""
_NOISE = 0.015
"""A later state is kept unless it is worse than the best by more than this share: the schedule favours late ones."""
_WEIGHT_DECAY = 0.01
_TOKENS_PER_STEP = 2_048
"""Tokens of a batch that the encoder reads with a gradient."""
_ALONE_RATE = 4.0
"""Learning rate of the network when it is trained alone, over that beside an adapter."""
_SOFT_TARGETS = 32
"""Requests whose soft targets are part of each step."""
_SLACK = 1.25
"""Factor on measured durations: the same work may take a little longer the next time."""


class Trainer:
    """Trains an interest network, and with it an adapter if one is given, on the texts of a catalogue.

    In a team every process draws the same batches, takes its share of each one's targets among the candidates of all,
    and its share of the texts and of what is checked; the sum of the gradients is that of one process alone.

    Attributes:
        network: what is trained, in place.
        vectors: (n_items, dim) float32 encoder vectors as the adapter stands.
        bags: (n_items, n_tokens) words of each text.
        sampler, validation: examples to learn from, and later ones to stop by.
        checkpoints, board: where checkpoints and learning curves go; None: nowhere.
        curve: what was measured, all stages in turn.
    """

    def __init__(
        self,
        network: InterestNetwork,
        vectors: NDArray[np.float32],
        bags: sp.csr_matrix,
        sampler: Sampler,
        validation: Examples,
        progress: Progress,
        checkpoints: Checkpoints | None = None,
        board: TensorBoardLog | None = None,
        team: Team = ALONE,
    ) -> None:
        self.network = network
        self.vectors = vectors
        self.bags = bags
        self.sampler = sampler
        self.validation = validation
        self.progress = progress
        self.checkpoints = checkpoints
        self.board = board
        self.team = team
        self.curve: tuple[Point, ...] = ()
        self._seconds_per_check = self._seconds_per_step = 0.0
        self._epoch: tuple[int, list[NDArray[np.int64]]] = (-1, [])

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
        optimizer = self._optimizer(plan, adapter)
        peak_rates = [group["lr"] for group in optimizer.param_groups]
        saved = self.saved()
        if saved is not None and saved[0].stage == plan.stage:
            position, tensors = saved
            first, best = self._resume(tensors, optimizer, adapter)
            self.curve = position.curve
            self.progress(f"text: {plan.stage} goes on from step {position.step}")
        else:
            first = best = CheckedState(self._state(adapter), self._check())
            reached = float(first.ndcg.mean())
            position = Position(plan.stage, plan.started, plan.clock.seconds, 0, 0, reached, self.curve)
            self._record(Point(plan.stage, 0, plan.clock.seconds, None, reached))
        steps, steps_per_check = self._steps(plan)
        losses: list[float] = []
        while position.step < steps and position.since_best < _PATIENCE and not self._is_over(plan, adapter):
            done = self.team.max(plan.done(position.step, steps))
            for group, peak in zip(optimizer.param_groups, peak_rates, strict=True):
                group["lr"] = peak * schedule(done)
            losses.append(self._step(optimizer, plan, position.step, adapter, soft_targets, done))
            position = replace(position, step=position.step + 1)
            if position.step < steps and position.step % steps_per_check and not self._is_over(plan, adapter):
                continue
            if adapter is not None:
                self.vectors = adapter.vectors()
            ndcg = self._check()
            reached = float(ndcg.mean())
            position = replace(position, since_best=position.since_best + 1)
            if reached >= position.best * (1.0 - _NOISE):
                best = CheckedState(self._state(adapter), ndcg)
                position = replace(position, best=max(position.best, reached), since_best=0)
            self._record(Point(plan.stage, position.step, plan.clock.seconds, float(np.mean(losses)), reached))
            self.progress(
                f"text: {plan.stage} step {position.step}/{steps}, loss {np.mean(losses):.3f}, validation ndcg@10 "
                f"{reached:.4f} (start {first.ndcg.mean():.4f})"
            )
            losses.clear()
            if soft_targets is None:
                position_now = replace(position, seconds=plan.clock.seconds, curve=self.curve)
                self._write(position_now, optimizer, adapter, first, best)
        better = is_better(best.ndcg, first.ndcg)
        keeps_best = better or (adapter is None and soft_targets is None)
        self._restore(best.state if keeps_best else first.state, adapter)
        return better

    def saved(self) -> tuple[Position, dict[str, torch.Tensor]] | None:
        """What an interrupted training left, as the first process of the team finds it."""
        first = self.checkpoints is not None and self.team.rank == 0
        return self.team.broadcast(self.checkpoints.read() if self.checkpoints is not None and first else None)

    def _steps(self, plan: StagePlan) -> tuple[int, int]:
        """Steps of a stage at most, and steps between two checks, which split an epoch evenly."""
        batches = math.ceil(len(self.sampler.examples) / self.sampler.batch_size)
        steps_per_epoch = math.ceil(batches / plan.accumulate)
        checks_per_epoch = math.ceil(steps_per_epoch / _STEPS_BETWEEN_CHECKS)
        return math.ceil(batches * plan.epochs / plan.accumulate), math.ceil(steps_per_epoch / checks_per_epoch)

    def _is_over(self, plan: StagePlan, adapter: AdaptedEncoder | None) -> bool:
        """True where no time is left for one more step and the check that ends a stage."""
        passes = adapter.seconds_per_pass if adapter is not None else 0.0
        reserve = _SLACK * (self._seconds_per_check + self._seconds_per_step + passes)
        return bool(self.team.max(plan.is_over(reserve)))

    def _check(self) -> NDArray[np.float64]:
        started = time.monotonic()
        share, values = self.team.share(len(self.validation)), np.zeros(len(self.validation))
        values[share] = ndcg_of_targets(self.scorer(), self.validation.select(share))
        values = self.team.sum(torch.from_numpy(values)).numpy()
        self._seconds_per_check = time.monotonic() - started
        return values

    def _record(self, point: Point) -> None:
        self.curve = (*self.curve, point)
        if self.board is not None:
            self.board.add(point)

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        plan: StagePlan,
        step: int,
        adapter: AdaptedEncoder | None,
        soft_targets: SoftTargets | None,
        done: float,
    ) -> float:
        """One step of the optimizer. Its draws depend on seed and step alone, so training can resume at any step."""
        started = time.monotonic()
        self.network.train()
        optimizer.zero_grad()
        total = 0.0
        for number in range(step * plan.accumulate, (step + 1) * plan.accumulate):
            generator = np.random.default_rng([plan.seed, 1, number])
            torch.manual_seed(int(generator.integers(2**62)))
            batch = self.sampler.draw(self._examples(plan.seed, number), generator)
            loss = batch_loss(self.network, self._texts(batch, generator, adapter), batch, self.team)
            penalty = adapter.method.penalty() if adapter is not None else None
            whole = loss if penalty is None else loss + penalty / self.team.size
            if soft_targets is not None:
                rows = generator.choice(len(soft_targets), min(_SOFT_TARGETS, len(soft_targets)), replace=False)
                drawn = (rows, self.sampler.max_history, self.sampler.n_kinds)
                whole = whole + soft_targets.weight * soft_targets.loss(self.network, self._read, *drawn)
            (whole / plan.accumulate).backward()  # type: ignore[no-untyped-call]
            total += loss.item() / plan.accumulate
        self.team.sum_gradients(parameter for group in optimizer.param_groups for parameter in group["params"])
        optimizer.step()
        if adapter is not None:
            adapter.method.after_step(done)
        self._seconds_per_step = time.monotonic() - started
        return float(self.team.sum(torch.tensor(total, dtype=torch.float64)))

    def _examples(self, seed: int, number: int) -> NDArray[np.int64]:
        """The examples of one batch: every epoch is a permutation of its own."""
        n = len(self.sampler.examples)
        epoch, place = divmod(number, math.ceil(n / self.sampler.batch_size))
        if self._epoch[0] != epoch:
            order = np.random.default_rng([seed, 0, epoch]).permutation(n)
            self._epoch = epoch, np.array_split(order, math.ceil(n / self.sampler.batch_size))
        return self._epoch[1][place]

    def _texts(self, batch: Batch, generator: np.random.Generator, adapter: AdaptedEncoder | None) -> torch.Tensor:
        """What the items of a batch say, with gradient."""
        vectors = torch.from_numpy(self.vectors[batch.items]).to(self.network.prior.device)
        if adapter is not None:
            # Gradient through as many texts as the step can afford; the others stand as they were last encoded.
            rows = generator.permutation(len(batch.items))
            fresh = rows[np.cumsum(adapter.lengths[batch.items[rows]]) <= _TOKENS_PER_STEP]
            adapter.train()
            places = torch.from_numpy(fresh).to(vectors.device)
            vectors = vectors.index_copy(0, places, adapter.embed(batch.items[fresh]))
        return self.network.read_texts(vectors, self.bags[batch.items])

    def _read(self, items: NDArray[np.int64]) -> torch.Tensor:
        """(n, dim) what some items say, with gradient to the network alone."""
        return self.network.read_texts(
            torch.from_numpy(self.vectors[items]).to(self.network.prior.device), self.bags[items]
        )

    def _optimizer(self, plan: StagePlan, adapter: AdaptedEncoder | None) -> torch.optim.Optimizer:
        words = list(self.network.words.parameters())
        rest = [parameter for name, parameter in self.network.named_parameters() if not name.startswith("words.")]
        rate = plan.learning_rate if adapter is not None else _ALONE_RATE * plan.learning_rate
        groups = [
            {"params": words, "lr": rate, "weight_decay": 0.0},
            {"params": rest, "lr": rate, "weight_decay": _WEIGHT_DECAY},
        ]
        if adapter is not None:
            groups.append(
                {"params": adapter.parameters(), "lr": adapter.rate * plan.learning_rate, "weight_decay": 0.0}
            )
        return torch.optim.AdamW(groups)

    def _state(self, adapter: AdaptedEncoder | None) -> TrainingState:
        network = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return TrainingState(network, adapter.state() if adapter is not None else {}, self.vectors)

    def _restore(self, state: TrainingState, adapter: AdaptedEncoder | None) -> None:
        self.network.load_state_dict(state.network)
        self.vectors = state.vectors
        if adapter is not None:
            adapter.restore(state.adapter)

    def _write(
        self,
        position: Position,
        optimizer: torch.optim.Optimizer,
        adapter: AdaptedEncoder | None,
        first: CheckedState,
        best: CheckedState,
    ) -> None:
        """Write a checkpoint that `_resume` reads, in the first process of the team."""
        if self.checkpoints is None or self.team.rank:
            return
        states = StageStates(self._state(adapter), first, best)
        self.checkpoints.write(position, states.tensors(optimizer, adapter))

    def _resume(
        self, tensors: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, adapter: AdaptedEncoder | None
    ) -> tuple[CheckedState, CheckedState]:
        """Set everything to what a checkpoint holds; gives the start and the best so far."""
        states = StageStates.read(tensors, self.vectors)
        self._restore(states.now, adapter)
        resume(tensors, optimizer, adapter)
        return states.start, states.best
