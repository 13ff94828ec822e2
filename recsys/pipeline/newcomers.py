"""Items that came after training: what collaborative models would say of them, lent by the items they read like.

A model that never saw an item scores it 0, and a ranker has learned that nobody wants what all of them score 0. Until
the next training an item is therefore scored as the mean of its nearest known items by text.
Schein et al., Methods and metrics for cold-start recommendations, SIGIR 2002.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

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

    def joined(self, known: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_requests, n_items): scores of the known items, and 0 for the new ones."""
        return np.pad(known, ((0, 0), (0, self.lenders.shape[0])))

    def lent(self, known: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_requests, n_items): scores of the known items, and what they lend to the new ones."""
        scores = self.joined(known)
        scores[:, self.n_known :] = (self.lenders @ known.T).T
        return scores


def _lenders(likeness: NDArray[np.float32]) -> sp.csr_matrix:
    """(1, n_known) shares of the items that are most alike, each by its likeness."""
    nearest = np.argpartition(-likeness, min(_NEAREST, len(likeness)) - 1)[:_NEAREST]
    nearest = np.sort(nearest[likeness[nearest] >= _ALIKE])
    shares = likeness[nearest] / max(len(nearest), 1)
    return sp.csr_matrix((shares, nearest, np.array([0, len(nearest)])), shape=(1, len(likeness)))
