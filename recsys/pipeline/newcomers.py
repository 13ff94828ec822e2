"""Items that came after training: what collaborative models would say of them, lent by the items they read like.

A model that never saw an item scores it 0, and a ranker has learned that nobody wants what all of them score 0. Until
the next training an item is therefore scored as the mean of its nearest known items by text.
Schein et al., Methods and metrics for cold-start recommendations, SIGIR 2002.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.data.ragged import entries
from recsys.retrieval.scores import Scores, best_of, padded

_NEAREST = 5
"""Known items that stand in for a new one."""

_ALIKE = 0.35
"""Cosine of two texts from which on an item may stand in for another."""


@dataclass(frozen=True)
class Newcomers:
    """New items, numbered behind the known ones.

    Attributes:
        n_known: items that the collaborative models know.
        lenders: (n_new, n_known) float32 CSR: shares, at most 1 in sum, of known items in each new one.
    """

    n_known: int
    lenders: sp.csr_matrix

    @classmethod
    def of(
        cls,
        before: "Newcomers | None",
        n_known: int,
        n_items: int,
        numbers: NDArray[np.int32],
        vectors: NDArray[np.float32] | None,
    ) -> "Newcomers":
        """Newcomers of a catalogue that has changed.

        Args:
            before: those that were there.
            numbers: items whose text is another or new.
            vectors: (n_items, dim) unit rows that tell how alike texts are; None: nothing is lent.
        """
        nothing = sp.csr_matrix(np.zeros((1, n_known), dtype=np.float32))
        rows = [nothing] * (n_items - n_known)
        if before is not None:
            rows[: before.lenders.shape[0]] = [before.lenders[[row]] for row in range(before.lenders.shape[0])]
        if vectors is not None and n_known:
            for number in numbers[numbers >= n_known]:
                rows[number - n_known] = _lenders(vectors[:n_known] @ vectors[number])
        return cls(n_known, sp.vstack(rows, format="csr"))

    def among(self, known: Scores, *, lending: bool) -> Scores:
        """Scores of the known items, and for the new ones what they lend to them, or 0."""
        return _NewcomerScores(known, self, self.lenders if lending else self.lenders[:0])


@dataclass(frozen=True)
class _NewcomerScores:
    """Scores of known items and of new ones; `lenders` has no rows where nothing is lent."""

    known: Scores
    newcomers: Newcomers
    lenders: sp.csr_matrix

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`: the best known ones and all new ones, ordered anew."""
        n_known, n_new = self.newcomers.n_known, self.lenders.shape[0]
        best = self.known.best(eligible[:, :n_known], n)
        if not n_new:
            return best
        fresh = np.broadcast_to(np.arange(n_known, n_known + n_new, dtype=np.int32), (len(best), n_new))
        both = np.sort(np.concatenate([best, fresh], axis=1), axis=1)
        request, places = np.nonzero((both >= 0) & eligible[np.arange(len(both))[:, None], both])
        values = np.zeros(both.shape, dtype=np.float32)
        values[request, places] = self.of(request, both[request, places])
        return padded([own[best_of(v, n)] for own, v in zip(both, values, strict=True)], n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        values, fresh = np.zeros(len(items), dtype=np.float32), items >= self.newcomers.n_known
        values[~fresh] = self.known.of(rows[~fresh], items[~fresh])
        pairs = np.flatnonzero(fresh & (items < self.newcomers.n_known + self.lenders.shape[0]))
        linked, counts = entries(self.lenders.indptr, items[pairs] - self.newcomers.n_known)
        lent = self.lenders.data[linked] * self.known.of(np.repeat(rows[pairs], counts), self.lenders.indices[linked])
        np.add.at(values, np.repeat(pairs, counts), lent)
        return values


def _lenders(likeness: NDArray[np.float32]) -> sp.csr_matrix:
    """(1, n_known) shares of the items that are most alike, each by its likeness."""
    nearest = np.argpartition(-likeness, min(_NEAREST, len(likeness)) - 1)[:_NEAREST]
    nearest = np.sort(nearest[likeness[nearest] >= _ALIKE])
    shares = likeness[nearest] / max(len(nearest), 1)
    return sp.csr_matrix((shares, nearest, np.array([0, len(nearest)])), shape=(1, len(likeness)))
