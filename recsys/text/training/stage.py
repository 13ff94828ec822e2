"""One stage of a training: sampled softmax over next events, early stopping on later ones, within its time."""

import math
import time
from dataclasses import replace

import numpy as np
import torch

from recsys.text.curves import Point
from recsys.text.plan import StagePlan, schedule
from recsys.text.teaching.distillation import SoftTargets
from recsys.text.training.checkpoint import Position
from recsys.text.training.learner import Learner
from recsys.text.training.losses import batch_loss
from recsys.text.training.sampling import Batch
from recsys.text.training.state import CheckedState, StageStates, TrainingState, resume
from recsys.text.training.validation import is_better
from recsys.text.tuning.adapter import AdaptedEncoder

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


def train_stage(
    learner: Learner,
    plan: StagePlan,
    adapter: AdaptedEncoder | None = None,
    soft_targets: SoftTargets | None = None,
) -> bool:
    """Train until the plan ends or validation stops improving, then restore the best state.

    An interrupted training of the same stage resumes from its last checkpoint. With soft targets no checkpoint is
    written: after an interruption the teacher is trained again.

    Args:
        adapter: of the encoder, which learns with the network; None: the network learns alone.
        soft_targets: what a teacher says; None: only the log teaches.

    Returns:
        True where the result is better than the start by more than chance. Where it is not, an adapter (and the
        network trained with it, or with soft targets) is reset to the start.
    """
    return Stage(learner, plan, adapter, soft_targets).run()


class Stage:
    """One stage of a training: what learns in it by which optimizer, and how far it is.

    Attributes:
        position: how far it is.
        start, best: the state that it started from, and the best so far.
    """

    def __init__(
        self, learner: Learner, plan: StagePlan, adapter: AdaptedEncoder | None, soft_targets: SoftTargets | None
    ) -> None:
        self.learner = learner
        self.plan = plan
        self.adapter = adapter
        self.soft_targets = soft_targets
        self.optimizer = self._new_optimizer()
        self._peak_rates = [group["lr"] for group in self.optimizer.param_groups]
        saved = learner.saved()
        if saved is not None and saved[0].stage == plan.stage:
            self.position, tensors = saved
            self.start, self.best = self._resume(tensors)
            learner.curve = self.position.curve
            learner.progress(f"text: {plan.stage} goes on from step {self.position.step}")
        else:
            self.start = self.best = CheckedState(self._state(), learner.check())
            reached = float(self.start.ndcg.mean())
            self.position = Position(plan.stage, plan.started, plan.clock.seconds, 0, 0, reached, learner.curve)
            learner.record(Point(plan.stage, 0, plan.clock.seconds, None, reached))

    def run(self) -> bool:
        """Train, and restore the best state; see `train_stage`."""
        steps, steps_per_check = self._steps()
        losses: list[float] = []
        while self.position.step < steps and self.position.since_best < _PATIENCE and not self._is_over():
            losses.append(self.step(self.learner.team.max(self.plan.done(self.position.step, steps))))
            self.position = replace(self.position, step=self.position.step + 1)
            if self.position.step == steps or self.position.step % steps_per_check == 0 or self._is_over():
                if self._has_diverged(losses):
                    break
                self._check(float(np.mean(losses)), steps)
                losses.clear()
        better = is_better(self.best.ndcg, self.start.ndcg)
        keeps_best = better or (self.adapter is None and self.soft_targets is None)
        if keeps_best and self.position.step and np.array_equal(self.best.ndcg, self.start.ndcg):
            self.learner.progress(f"text: {self.plan.stage}: no step ranked the newest events better than the start")
        self._restore(self.best.state if keeps_best else self.start.state)
        return better

    def _steps(self) -> tuple[int, int]:
        """Steps of the stage at most, and steps between two checks, which split an epoch evenly."""
        sampler, plan = self.learner.sampler, self.plan
        batches = math.ceil(len(sampler.examples) / sampler.batch_size)
        steps_per_epoch = math.ceil(batches / plan.accumulate)
        checks_per_epoch = math.ceil(steps_per_epoch / _STEPS_BETWEEN_CHECKS)
        return math.ceil(batches * plan.epochs / plan.accumulate), math.ceil(steps_per_epoch / checks_per_epoch)

    def _is_over(self) -> bool:
        """True where no time is left for one more step and the check that ends the stage."""
        passes = self.adapter.seconds_per_pass if self.adapter is not None else 0.0
        reserve = _SLACK * (self.learner.seconds_per_check + self.learner.seconds_per_step + passes)
        return bool(self.learner.team.max(self.plan.is_over(reserve)))

    def step(self, done: float) -> float:
        """One step of the optimizer, at a share `done` in [0, 1] of the stage; gives its loss.

        Its draws depend on seed and step alone, so training can resume at any step.
        """
        started, learner, plan, adapter = time.monotonic(), self.learner, self.plan, self.adapter
        for group, peak in zip(self.optimizer.param_groups, self._peak_rates, strict=True):
            group["lr"] = peak * schedule(done)
        learner.network.train()
        self.optimizer.zero_grad()
        total = 0.0
        for number in range(self.position.step * plan.accumulate, (self.position.step + 1) * plan.accumulate):
            generator = np.random.default_rng([plan.seed, 1, number])
            torch.manual_seed(int(generator.integers(2**62)))
            batch = learner.sampler.draw(learner.examples_of(plan.seed, number), generator)
            loss = batch_loss(learner.network, self._texts(batch, generator), batch, learner.team)
            penalty = adapter.method.penalty() if adapter is not None else None
            whole = loss if penalty is None else loss + penalty / learner.team.size
            if self.soft_targets is not None:
                whole = whole + self._loss_of_soft_targets(self.soft_targets, generator)
            (whole / plan.accumulate).backward()  # type: ignore[no-untyped-call]
            total += loss.item() / plan.accumulate
        learner.team.sum_gradients(param for group in self.optimizer.param_groups for param in group["params"])
        self.optimizer.step()
        if adapter is not None:
            adapter.method.after_step(done)
        learner.seconds_per_step = time.monotonic() - started
        return float(learner.team.sum(torch.tensor(total, dtype=torch.float64)))

    def _texts(self, batch: Batch, generator: np.random.Generator) -> torch.Tensor:
        """What the items of a batch say, with gradient."""
        learner, adapter = self.learner, self.adapter
        vectors = torch.from_numpy(learner.vectors[batch.items]).to(learner.network.prior.device)
        if adapter is not None:
            # Gradients flow through as many texts as a step can afford; the others keep their last vectors.
            rows = generator.permutation(len(batch.items))
            fresh = rows[np.cumsum(adapter.lengths[batch.items[rows]]) <= _TOKENS_PER_STEP]
            adapter.train()
            indices = torch.from_numpy(fresh).to(vectors.device)
            vectors = vectors.index_copy(0, indices, adapter.embed(batch.items[fresh]))
        return learner.network.read_texts(vectors, learner.bags[batch.items])

    def _loss_of_soft_targets(self, soft_targets: SoftTargets, generator: np.random.Generator) -> torch.Tensor:
        """Distance of the network from what a teacher says of some requests, times its weight."""
        learner, sampler = self.learner, self.learner.sampler
        rows = generator.choice(len(soft_targets), min(_SOFT_TARGETS, len(soft_targets)), replace=False)
        loss = soft_targets.loss(learner.network, learner.read, rows, sampler.max_history, sampler.n_kinds)
        return soft_targets.weight * loss

    def _has_diverged(self, losses: list[float]) -> bool:
        """Whether a loss since the last check, or a weight, is no finite number any more: no later step mends that."""
        trained = (parameter for group in self.optimizer.param_groups for parameter in group["params"])
        if np.isfinite(losses).all() and all(bool(parameter.isfinite().all()) for parameter in trained):
            return False
        self.learner.progress(
            f"text: {self.plan.stage} ends at step {self.position.step}, because its numbers overflow; it goes back to "
            "its best state before; lower text.learning_rate"
        )
        return True

    def _check(self, loss: float, steps: int) -> None:
        """Measure on later examples, keep the state if it is the best, and write a checkpoint.

        Args:
            loss: mean of the steps since the last check.
            steps: of the whole stage, for the message.
        """
        learner, plan = self.learner, self.plan
        if self.adapter is not None:
            learner.vectors = self.adapter.vectors()
        ndcg = learner.check()
        reached, best = float(ndcg.mean()), self.position.best
        if reached >= best * (1.0 - _NOISE):
            self.best = CheckedState(self._state(), ndcg)
            self.position = replace(self.position, best=max(best, reached), since_best=0)
        else:
            self.position = replace(self.position, since_best=self.position.since_best + 1)
        learner.record(Point(plan.stage, self.position.step, plan.clock.seconds, loss, reached))
        learner.progress(
            f"text: {plan.stage} step {self.position.step}/{steps}, loss {loss:.3f}, validation ndcg@10 "
            f"{reached:.4f} (start {self.start.ndcg.mean():.4f})"
        )
        if self.soft_targets is None:
            self._write()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        network, learning_rate, adapter = self.learner.network, self.plan.learning_rate, self.adapter
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
        network = {name: tensor.clone() for name, tensor in self.learner.network.state_dict().items()}
        adapter = self.adapter.state() if self.adapter is not None else {}
        return TrainingState(network, adapter, self.learner.vectors)

    def _restore(self, state: TrainingState) -> None:
        self.learner.network.load_state_dict(state.network)
        self.learner.vectors = state.vectors
        if self.adapter is not None:
            self.adapter.restore(state.adapter)

    def _write(self) -> None:
        """Write a checkpoint that `_resume` reads, in the first process of the team."""
        learner = self.learner
        if learner.checkpoints is None or learner.team.rank:
            return
        position = replace(self.position, seconds=self.plan.clock.seconds, curve=learner.curve)
        states = StageStates(self._state(), self.start, self.best)
        learner.checkpoints.write(position, states.tensors(self.optimizer, self.adapter))

    def _resume(self, tensors: dict[str, torch.Tensor]) -> tuple[CheckedState, CheckedState]:
        """Set everything to what a checkpoint holds; gives the start and the best so far."""
        states = StageStates.read(tensors, self.learner.vectors)
        self._restore(states.now)
        resume(tensors, self.optimizer, self.adapter)
        return states.start, states.best
