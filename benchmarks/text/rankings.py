"""The ranks that rankings give to the wanted items, and the figures made of these ranks."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.text.worlds import TextRequests
from recsys.data.log.history import HistoryBatch
from recsys.data.requests.list_positions import discounts
from recsys.eval.confidence import intervals

FROZEN = {"last": ("frozen, last item", 1), "mean": ("frozen, mean of the newest 20", 20)}

Score = Callable[[HistoryBatch], NDArray[np.float32]]


def target_ranks(requests: TextRequests, score: Score, others: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """(n_requests,) rank of each target among all items that are not in the history; ties count against it."""
    ranks = []
    for start in range(0, len(requests), 256):
        stop = min(start + 256, len(requests))
        block, targets = requests.histories.block(start, stop), requests.targets[start:stop]
        scores, rows = score(block), np.arange(stop - start)
        own = scores[rows, targets].copy()
        scores[block.rows, block.items] = -np.inf
        scores[rows, targets] = -np.inf
        if others is not None:
            scores[:, ~others] = -np.inf
        ranks.append((scores >= own[:, None]).sum(axis=1))
    return np.concatenate(ranks)


def gains(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_requests,) ndcg@10 of each request."""
    return discounts(ranks, 10)


def figures(ranks: NDArray[np.int64]) -> tuple[str, str]:
    """ndcg@10 and recall@10 of the ranks of the targets, means with 95 % intervals."""
    values = np.column_stack([gains(ranks), ranks < 10])
    first, second = (f"{each['mean']:.4f} ({each['low']:.4f}-{each['high']:.4f})" for each in intervals(values))
    return first, second


def frozen(vectors: NDArray[np.float32], newest: int) -> Score:
    """A scorer: similarity to the mean of the newest items of the history, without anything learned."""

    def score(histories: HistoryBatch) -> NDArray[np.float32]:
        kept = histories.newest(newest)
        weights = kept.matrix(len(vectors), np.ones(len(kept.items), dtype=np.float32))
        return np.asarray((weights @ vectors) @ vectors.T, dtype=np.float32)

    return score


def line(*columns: str) -> None:
    """One line of a table."""
    print("| " + " | ".join(columns) + " |", flush=True)
