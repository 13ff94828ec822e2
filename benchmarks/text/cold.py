"""New items: every tenth is held out of training altogether, and requests that want one of these are measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.text.rankings import FROZEN, Score, figures, frozen, gains, line, target_ranks
from benchmarks.text.worlds import TextRequests, TextWorld
from recsys.data.log.interactions import InteractionLog
from recsys.text.interest import InterestModel

_DRAWS = 2_000
_TRAINED = "trained on the other items"


@dataclass(frozen=True)
class Tenth:
    """Every tenth item held out: a model of the others, and the requests of both windows that want one of those."""

    is_cold: NDArray[np.bool_]
    model: InterestModel
    windows: tuple[TextRequests, TextRequests]

    @classmethod
    def of(cls, world: TextWorld, last: int, fit: Callable[[InteractionLog], InterestModel], folder: Path) -> "Tenth":
        """Hold out the items whose number ends in the digit `last`; the model is kept in the folder."""
        is_cold = np.arange(world.log.n_items) % 10 == last
        if not folder.is_dir():
            fit(world.log.select(~is_cold[world.log.items])).save(folder)
        validation, test = (
            requests.select(np.flatnonzero(is_cold[requests.targets])) for requests in (world.validation, world.test)
        )
        return cls(is_cold, InterestModel.load(folder), (validation, test))

    def ways(self) -> dict[str, Score]:
        """The rankings that are compared, by name."""
        base = self.model.base_vectors
        return {name: frozen(base, newest) for name, newest in FROZEN.values()} | {_TRAINED: self.model.score}


def cold_table(tenths: Sequence[Tenth]) -> None:
    """The rows of one data set."""
    counts = " and ".join(f"{sum(len(tenth.windows[window]) for tenth in tenths):,}" for window in range(2))
    print(f"{counts} requests want an item whose events training never saw ({len(tenths)} x every tenth item).\n")
    line("ranked", "by", "validation ndcg@10", "validation recall@10", "test ndcg@10", "test recall@10")
    line(*["---"] * 6)
    for ranked in ("all items", "new items"):
        found: list[dict[str, NDArray[np.int64]]] = [{}, {}]
        for window, ranks in enumerate(found):
            parts = [
                (name, target_ranks(tenth.windows[window], way, tenth.is_cold if ranked == "new items" else None))
                for tenth in tenths
                for name, way in tenth.ways().items()
            ]
            for name in dict(parts):
                ranks[name] = np.concatenate([found for own, found in parts if own == name])
        for name in found[0]:
            line(ranked, name, *(cell for ranks in found for cell in figures(ranks[name])))
        line(ranked, "trained over the better frozen one", *(cell for ranks in found for cell in (_gain(ranks), "")))


def _gain(ranks: dict[str, NDArray[np.int64]]) -> str:
    """By how much ndcg@10 is higher on the same requests, with a 95 % interval (bootstrap over requests)."""
    ours = gains(ranks[_TRAINED])
    best = max((gains(ranks[name]) for name, _ in FROZEN.values()), key=np.mean)
    drawn = np.random.default_rng(0).integers(len(ours), size=(_DRAWS, len(ours)))
    low, high = np.quantile(ours[drawn].mean(axis=1) / best[drawn].mean(axis=1) - 1.0, [0.025, 0.975])
    return f"{ours.mean() / best.mean() - 1.0:+.0%} ({low:+.0%} to {high:+.0%})"
