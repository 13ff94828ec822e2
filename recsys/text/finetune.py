"""Fine-tuning: sampled softmax over next events, early stopping on later ones, under a wall-clock budget."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from recsys.text.adapter import AdaptedEncoder
from recsys.text.instances import Instances
from recsys.text.network import InterestNetwork
from recsys.text.ranking import ndcg
from recsys.text.sampling import Batch, Sampler
from recsys.text.scoring import Scorer

Progress = Callable[[str], None]

_WARM_UP = 0.1
_LAG = 0.05
_STEPS_BETWEEN_CHECKS = 160
_PATIENCE = 4
_NOISE = 0.015
"""A later state is kept unless it is worse than the best by more than this share: the schedule favours late ones."""
_WEIGHT_DECAY = 0.01
_TOKENS_PER_STEP = 2_048
_NETWORK_RATE = 4.0
"""Learning rate of the network over that of the adapter."""


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Attributes:
        epochs: most passes over the examples.
        learning_rate: peak rate of the adapter; the network's is four times as high.
        seed: for repeatability, which holds as long as the deadline does not bind.
        started, deadline: `time.monotonic()` between which to train.
    """

    epochs: int
    learning_rate: float
    seed: int
    started: float
    deadline: float

    def done(self, step: int, steps: int) -> float:
        """Share of the plan that is over, in [0, 1]: by steps, or by time where the time runs out sooner."""
        by_steps = step / steps
        by_time = (time.monotonic() - self.started) / max(1e-9, self.deadline - self.started)
        return min(1.0, by_time if by_time > by_steps + _LAG else by_steps)


class Trainer:
    """Trains an interest network, and with it an adapter if one is given, on the texts of a catalogue.

    Attributes:
        vectors: (n_items, dim) float32 encoder vectors as the adapter stands.
    """

    def __init__(
        self,
        network: InterestNetwork,
        vectors: NDArray[np.float32],
        bags: sp.csr_matrix,
        sampler: Sampler,
        validation: Instances,
        progress: Progress,
    ) -> None:
        self.network = network
        self.vectors = vectors
        self.bags = bags
        self.sampler = sampler
        self.validation = validation
        self.progress = progress

    def scorer(self) -> Scorer:
        """The network as it stands, for inference."""
        return self.network.scorer(self.vectors, self.bags)

    def fit(self, plan: Plan, adapter: AdaptedEncoder | None = None) -> float:
        """Train until the plan ends or validation stops improving; everything ends at its best.

        Returns:
            The best validation ndcg@10 that was seen.
        """
        generator = np.random.default_rng(plan.seed)
        torch.manual_seed(plan.seed)
        optimizer = self._optimizer(plan, adapter)
        peaks = [group["lr"] for group in optimizer.param_groups]
        best, state = ndcg(self.scorer(), self.validation), self._state(adapter)
        started = best
        per_epoch = math.ceil(len(self.sampler.instances) / self.sampler.batch_size)
        steps = per_epoch * plan.epochs
        check_every = math.ceil(per_epoch / math.ceil(per_epoch / _STEPS_BETWEEN_CHECKS))
        losses: list[float] = []
        step = since_best = 0
        order: list[NDArray[np.int64]] = []
        # A check with an adapter encodes the catalogue again: its time is kept back.
        reserve = adapter.seconds_per_pass if adapter is not None else 0.0
        while step < steps and since_best < _PATIENCE and time.monotonic() + reserve < plan.deadline:
            if not order:
                order = np.array_split(generator.permutation(len(self.sampler.instances)), per_epoch)
            rate = schedule(plan.done(step, steps))
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * rate
            losses.append(self._step(optimizer, self.sampler.draw(order.pop(), generator), generator, adapter))
            step += 1
            over = step == steps or time.monotonic() + reserve >= plan.deadline
            if over or step % check_every == 0:
                if adapter is not None:
                    self.vectors = adapter.vectors()
                value = ndcg(self.scorer(), self.validation)
                self.progress(
                    f"text: step {step}/{steps}, loss {np.mean(losses):.3f}, validation ndcg@10 {value:.4f} "
                    f"(start {started:.4f})"
                )
                losses.clear()
                since_best += 1
                if value >= best * (1.0 - _NOISE):
                    best, since_best, state = max(best, value), 0, self._state(adapter)
        self._restore(state, adapter)
        return best

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        batch: Batch,
        generator: np.random.Generator,
        adapter: AdaptedEncoder | None,
    ) -> float:
        self.network.train()
        vectors = torch.from_numpy(self.vectors[batch.items]).to(self.network.prior.device)
        if adapter is not None:
            # Gradient through as many texts as the step can afford; the others stand as they were last encoded.
            rows = generator.permutation(len(batch.items))
            fresh = rows[np.cumsum(adapter.lengths[batch.items[rows]]) <= _TOKENS_PER_STEP]
            adapter.train()
            vectors = vectors.index_copy(
                0, torch.from_numpy(fresh).to(vectors.device), adapter.embed(batch.items[fresh])
            )
        loss = batch_loss(self.network, self.network.read_texts(vectors, self.bags[batch.items]), batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    def _optimizer(self, plan: Plan, adapter: AdaptedEncoder | None) -> torch.optim.Optimizer:
        words = list(self.network.words.parameters())
        rest = [parameter for name, parameter in self.network.named_parameters() if not name.startswith("words.")]
        rate = plan.learning_rate if adapter is not None else _NETWORK_RATE * plan.learning_rate
        groups = [
            {"params": words, "lr": rate, "weight_decay": 0.0},
            {"params": rest, "lr": rate, "weight_decay": _WEIGHT_DECAY},
        ]
        if adapter is not None:
            groups.append({"params": adapter.parameters(), "lr": plan.learning_rate, "weight_decay": 0.0})
        return torch.optim.AdamW(groups)

    def _state(self, adapter: AdaptedEncoder | None) -> "_State":
        network = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return _State(network, adapter.state() if adapter is not None else {}, self.vectors)

    def _restore(self, state: "_State", adapter: AdaptedEncoder | None) -> None:
        self.network.load_state_dict(state.network)
        self.vectors = state.vectors
        if adapter is not None:
            adapter.restore(state.adapter)


@dataclass(frozen=True)
class _State:
    network: dict[str, torch.Tensor]
    adapter: dict[str, torch.Tensor]
    vectors: NDArray[np.float32]


def batch_loss(network: InterestNetwork, texts: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy of the targets among the candidates. `texts`: (n_needed, dim), what the items say."""
    device = texts.device
    past, places = np.unique(batch.places, return_inverse=True)
    logits = network(
        texts[torch.from_numpy(past).to(device)],
        batch.events,
        places,
        len(batch.labels),
        texts[torch.from_numpy(batch.candidates).to(device)],
    )
    logits = logits - torch.from_numpy(batch.log_chances).to(device)
    logits = logits.masked_fill(torch.from_numpy(batch.masked).to(device), -1e9)
    losses = nn.functional.cross_entropy(logits, torch.from_numpy(batch.labels).to(device), reduction="none")
    return (losses * torch.from_numpy(batch.weights).to(device)).mean()


def schedule(done: float) -> float:
    """Learning rate as a share of its peak: linear warm-up, then a cosine to 0. `done` in [0, 1]."""
    if done < _WARM_UP:
        return (done + 0.01) / (_WARM_UP + 0.01)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - _WARM_UP) / (1.0 - _WARM_UP))))
