"""Training the teacher: what a user wanted next, among the best items by the interest model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import nn

from recsys.counts import counted
from recsys.progress import Progress
from recsys.text.examples import Examples
from recsys.text.plan import StagePlan, schedule
from recsys.text.scoring import Scorer
from recsys.text.teaching.teacher import Teacher

_POOL = 50
"""The best items of a request by the interest model: among them the teacher decides."""

_LIST = 16
"""Items of one training list: the target, and others of the pool."""

_LISTS_PER_STEP = 8
"""Training lists of one step of the optimizer."""

_REQUESTS_PER_DRAW = 64
"""Requests whose best items are found at once."""

_LAYERS_RATE, _HEAD_RATE = 0.15, 3.0
"""Learning rates over that of an adapter: whole weights move slowly, a head starts from nothing."""

_SEEN = -1e4
"""Logit of items of the history. In a small catalogue they are in the pool all the same, with a share of 0."""

_WEIGHT_DECAY = 0.01
_RECENT = 200
"""Newest losses that are averaged in the message at the end."""

_LARGEST_WEIGHT = 10.0
"""Largest weight of the teacher's logit; that of the model's own is 1."""


@dataclass(frozen=True)
class Pools:
    """Requests and the items that are the best for each by the interest model, the best first.

    Attributes:
        examples: the requests, with what was wanted next.
        items: (n, k) item numbers; those of the history are not among them, unless they are the target.
        logits: (n, k) interest logits.
        columns: (n,) the column of the target; k where it is not among them.
    """

    examples: Examples
    items: NDArray[np.int64]
    logits: NDArray[np.float32]
    columns: NDArray[np.int64]

    @classmethod
    def of(cls, scorer: Scorer, examples: Examples, size: int = _POOL) -> "Pools":
        """The `size` best of each request (fewer in a small catalogue)."""
        blocks = range(0, max(1, len(examples)), _REQUESTS_PER_DRAW)
        parts = [_best(scorer, examples.select(slice(start, start + _REQUESTS_PER_DRAW)), size) for start in blocks]
        items, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
        held = items == examples.targets.items[:, None]
        return cls(examples, items, logits, np.where(held.any(axis=1), held.argmax(axis=1), items.shape[1]))

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Pools":
        """Some of the requests."""
        return Pools(self.examples.select(chosen), self.items[chosen], self.logits[chosen], self.columns[chosen])

    def decidable(self) -> "Pools":
        """The requests whose target is in the pool: elsewhere no order of the pool is better than another."""
        return self.select(self.columns < self.items.shape[1])


def _best(scorer: Scorer, examples: Examples, size: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(n, k) items and logits of some requests, the best first."""
    histories, targets = examples.histories(), examples.targets.items.astype(np.int64)
    scores, rows = scorer.score(histories), np.arange(len(targets))
    own = scores[rows, targets]
    scores[histories.rows, histories.items] = _SEEN
    scores[rows, targets] = own
    size = min(size, scores.shape[1])
    some = np.argpartition(-scores, size - 1, axis=1)[:, :size]
    logits = np.take_along_axis(scores, some, axis=1)
    order = np.argsort(-logits, axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1), np.take_along_axis(logits, order, axis=1)


def train_teacher(
    teacher: Teacher, scorer: Scorer, training: Examples, validation: Examples, plan: StagePlan, progress: Progress
) -> None:
    """Train until the plan ends, then set how much the teacher counts: what explains later events best, perhaps 0.

    The loss is that of the interest logits and the teacher's together, so it learns what the interest model misses.
    """
    network = teacher.network
    head = [*network.head.parameters(), *network.places.parameters()]
    peaks = (_LAYERS_RATE * plan.learning_rate, _HEAD_RATE * plan.learning_rate)
    groups = [{"params": list(network.layers.parameters()), "lr": peaks[0]}, {"params": head, "lr": peaks[1]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
    generator = np.random.default_rng([plan.seed, 2])
    draws = [rows for _ in range(plan.epochs) for rows in draw_requests(training, generator)]
    losses: list[float] = []
    for number, rows in enumerate(draws):
        if plan.is_over():
            break
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * schedule(plan.done(number, len(draws)))
        lists = list(_lists(Pools.of(scorer, training.select(rows)).decidable(), generator))
        for start in range(0, len(lists), _LISTS_PER_STEP):
            some = lists[start : start + _LISTS_PER_STEP]
            optimizer.zero_grad()
            for past, items, interest in some:
                logits = teacher.logits(past, items) + torch.from_numpy(interest).to(network.head.weight)
                loss = nn.functional.cross_entropy(logits, torch.tensor(0, device=logits.device))
                (loss / len(some)).backward()  # type: ignore[no-untyped-call]
                losses.append(loss.item())
            optimizer.step()
    pools = Pools.of(scorer, validation).decidable()
    opinions = teacher.score(pools.examples.histories(), pools.items)
    teacher.weight = _fitted_weight(pools, opinions)
    last = np.mean(losses[-_RECENT:]) if losses else np.nan
    progress(f"text: teacher read {counted(len(losses), 'list')}, loss {last:.3f}; its weight is {teacher.weight:.2f}")


def draw_requests(training: Examples, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows of all requests that have a history, some at a time, in random order."""
    order = generator.permutation(np.flatnonzero(training.stops > training.starts))
    for start in range(0, len(order), _REQUESTS_PER_DRAW):
        yield np.sort(order[start : start + _REQUESTS_PER_DRAW])


def _lists(
    pools: Pools, generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]]:
    """Histories, items (the target first) and their interest logits."""
    histories = pools.examples.histories()
    for row, target in enumerate(pools.columns):
        others = np.delete(np.arange(pools.items.shape[1]), target)
        some = generator.choice(others, min(_LIST - 1, len(others)), replace=False)
        columns = np.concatenate([[target], some])
        past = histories.items[histories.offsets[row] : histories.offsets[row + 1]]
        yield past, pools.items[row, columns], pools.logits[row, columns]


def _fitted_weight(pools: Pools, opinions: NDArray[np.float32]) -> float:
    rows = np.arange(len(opinions))

    def loss(weight: float) -> float:
        return -float(log_softmax(pools.logits + weight * opinions, axis=1)[rows, pools.columns].sum())

    if not len(rows):
        return 0.0
    found = minimize_scalar(loss, bounds=(0.0, _LARGEST_WEIGHT), method="bounded")
    return float(found.x) if found.fun < loss(0.0) else 0.0
