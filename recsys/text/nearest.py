"""For every item its nearest items by the interest model, found once: those of a history are then only looked up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.float16 import Float16Bits
from recsys.arrays.ragged import offsets_of
from recsys.retrieval.inverted_file import InvertedFile
from recsys.retrieval.scores import ACCUMULATORS, best_among, distinct
from recsys.text.compiled import mixture_logits, sum_neighbour_lists
from recsys.text.neighbour_lists import ListedEvents, NeighbourLists
from recsys.text.scoring import Mixture, Scorer

_KEPT = 100
"""Items kept for each item."""

_READ = 10_000
"""Items of the nearest cells that those kept are chosen from."""

_READ_FOR_QUERY = 4_000
"""Likewise for free text, when a request comes."""

_BLOCK = 512
"""Items whose nearest ones are sought at once."""

_CELLS = "cells"


@dataclass(frozen=True)
class NearestItems:
    """What each text asks for.

    Attributes:
        lists: a row for each item of the catalogue.
        prior: one row, for the learned prior, which stands in where there is no history.
        inverted_file: of the targets, for free text and new items.
        fresh: (n_fresh,) increasing: items whose text came or changed later. They are in no list, and always scored.
        fresh_lists: a row for each of them.
    """

    lists: NeighbourLists
    prior: NeighbourLists
    inverted_file: InvertedFile
    fresh: NDArray[np.int32]
    fresh_lists: NeighbourLists

    @classmethod
    def of(cls, scorer: Scorer, seed: int) -> "NearestItems":
        """Find the lists, for the items of one cell together."""
        items = scorer.items
        inverted_file = InvertedFile.of(items.targets, seed)
        shape = (len(items.targets), min(_KEPT, len(items.targets)))
        lists = NeighbourLists(np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32))
        for cell in range(len(inverted_file.centroids)):
            members = inverted_file.members[inverted_file.starts[cell] : inverted_file.starts[cell + 1]]
            if not len(members):
                continue
            near = np.sort(inverted_file.nearest(items.sources[members].mean(axis=0), _READ))
            for start in range(0, len(members), _BLOCK):
                some = members[start : start + _BLOCK]
                found = _highest(near, scorer.single_event_logits(some, near), shape[1])
                lists.items[some], lists.logits[some] = found.items, found.logits
        everything = np.arange(len(items.targets), dtype=np.int32)
        prior = _highest(everything, scorer.prior_logits()[None], shape[1])
        return cls(lists, prior, inverted_file, everything[:0], NeighbourLists(lists.items[:0], lists.logits[:0]))

    def updated(self, scorer: Scorer, numbers: NDArray[np.int32]) -> "NearestItems":
        """The nearest items after texts have changed: the items `numbers` (n,) now say what `scorer` holds."""
        kept = ~np.isin(self.fresh, numbers)
        fresh = np.concatenate([self.fresh[kept], numbers])
        items, logits = [self.fresh_lists.items[kept]], [self.fresh_lists.logits[kept]]
        for number in numbers:
            near = np.sort(self.inverted_file.nearest(scorer.items.sources[number], _READ))
            own = _highest(near, scorer.single_event_logits(np.array([number]), near), self.lists.items.shape[1])
            items.append(own.items)
            logits.append(own.logits)
        order = np.argsort(fresh)
        lists = NeighbourLists(np.concatenate(items)[order], np.concatenate(logits)[order])
        return replace(self, fresh=fresh[order], fresh_lists=lists)

    def candidates(
        self, scorer: Scorer, targets: NDArray[np.float32] | Float16Bits, mixtures: Sequence[Mixture]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Items that score high, with their logits. The logits are a little too low: what an event says of items that
        are not in its list is left out, but that is less than what it says of any item in the list.

        Args:
            targets: (n_items, dim) those of the scorer, float32 or float16.

        Returns:
            (n_requests + 1,) where those of each mixture start, items (k,), each once for a request, logits (k,).
        """
        starts = offsets_of([len(mixture.events) for mixture in mixtures])
        items_of_events = np.concatenate([starts[:0], *(mixture.events for mixture in mixtures)])
        shares = np.concatenate([np.zeros(0, "f4"), *(one.weights[: len(one.events)] for one in mixtures)])
        priors = np.array([mixture.prior for mixture in mixtures], dtype=np.float32)
        events = ListedEvents(starts, self._indices_of(items_of_events), shares, priors)
        accumulator = ACCUMULATORS.of(len(scorer.items.targets))
        offsets, items, logits = sum_neighbour_lists(events, self.lists, self.fresh_lists, self.prior, *accumulator)
        if not len(self.fresh) and all(mixture.query is None for mixture in mixtures):
            return offsets, items, logits
        parts = [
            self._with_exact(scorer, targets, mixture, items[start:stop], logits[start:stop])
            for mixture, (start, stop) in zip(mixtures, pairwise(offsets.tolist()), strict=True)
        ]
        offsets = offsets_of([len(own) for own, _ in parts])
        found = np.concatenate([items[:0], *(own for own, _ in parts)])
        return offsets, found, np.concatenate([logits[:0], *(said for _, said in parts)])

    def _with_exact(
        self,
        scorer: Scorer,
        targets: NDArray[np.float32] | Float16Bits,
        mixture: Mixture,
        items: NDArray[np.int32],
        logits: NDArray[np.float32],
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """With the items that are in no list, and those near to the free text, whose logits are exact."""
        sought = self.fresh[:0] if mixture.query is None else self.inverted_file.nearest(mixture.query, _READ_FOR_QUERY)
        exact = distinct(np.concatenate([self.fresh, sought]))
        others = ~np.isin(items, exact)
        said = np.empty(len(exact), dtype=np.float32)
        mixture_logits(targets, scorer.items.biases, exact, mixture.vectors, mixture.weights, said)
        return np.append(items[others], exact), np.append(logits[others], said)

    def listed(self, items: NDArray[np.integer]) -> NDArray[np.int32]:
        """(n, k) what the texts of items (n,) ask for most, without what came later."""
        indices = self._indices_of(items)
        listed: NDArray[np.int32] = self.lists.items[np.minimum(indices, len(self.lists.items) - 1)]
        fresh = indices >= len(self.lists.items)
        listed[fresh] = self.fresh_lists.items[indices[fresh] - len(self.lists.items)]
        return listed

    def _indices_of(self, items: NDArray[np.integer]) -> NDArray[np.integer]:
        """(n,) where the lists of items (n,) stand; those of fresh ones are behind all others."""
        if not len(self.fresh):
            return items
        indices = np.minimum(self.fresh.searchsorted(items), len(self.fresh) - 1)
        return np.where(self.fresh[indices] == items, len(self.lists.items) + indices, items)

    def save(self, folder: Path) -> None:
        """Write the lists as they were found; what came later is found again from the store of items."""
        folder.mkdir(parents=True, exist_ok=True)
        self.lists.save(folder, "lists")
        self.prior.save(folder, "prior")
        self.inverted_file.save(folder / _CELLS)

    @classmethod
    def load(cls, folder: Path) -> "NearestItems":
        """Read what `save` wrote; arrays are mapped into memory."""
        lists = NeighbourLists.load(folder, "lists")
        nothing = np.zeros(0, dtype=np.int32)
        inverted_file = InvertedFile.load(folder / _CELLS)
        return cls(
            lists,
            NeighbourLists.load(folder, "prior"),
            inverted_file,
            nothing,
            NeighbourLists(lists.items[:0], lists.logits[:0]),
        )


@dataclass(frozen=True)
class TextScores:
    """Interest logits of a block: exact for every pair that is asked about, the best sought among `NearestItems`.

    Attributes:
        scorer, nearest: of the text model.
        targets: (n_items, dim) those of the scorer, float32 or float16.
        mixtures: what each request asks for.
    """

    scorer: Scorer
    nearest: NearestItems
    targets: NDArray[np.float32] | Float16Bits
    mixtures: list[Mixture]

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`."""
        return best_among(*self.nearest.candidates(self.scorer, self.targets, self.mixtures), eligible, n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        bounds = np.searchsorted(rows, np.arange(len(self.mixtures) + 1))
        scores = np.empty(len(items), dtype=np.float32)
        for mixture, start, stop in zip(self.mixtures, bounds[:-1], bounds[1:], strict=True):
            own = items[start:stop], mixture.vectors, mixture.weights, scores[start:stop]
            mixture_logits(self.targets, self.scorer.items.biases, *own)
        return scores


def recall(scorer: Scorer, nearest: NearestItems, sample: NDArray[np.int32]) -> float:
    """Share of the really highest items that the lists of some items hold."""
    everything = np.arange(len(scorer.items.targets), dtype=np.int32)
    exact = _highest(everything, scorer.single_event_logits(sample, everything), nearest.lists.items.shape[1])
    pairs = zip(exact.items, nearest.lists.items[sample], strict=True)
    return float(np.mean([np.isin(own, listed).mean() for own, listed in pairs])) if len(sample) else 1.0


def _highest(items: NDArray[np.int32], logits: NDArray[np.float32], k: int) -> NeighbourLists:
    """The `k` highest of logits (n, n_items) of increasing `items` (n_items,)."""
    indices = np.sort(np.argpartition(logits, logits.shape[1] - k, axis=1)[:, logits.shape[1] - k :], axis=1)
    return NeighbourLists(items[indices], np.take_along_axis(logits, indices, axis=1))
