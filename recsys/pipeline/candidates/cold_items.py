"""Cold items: those that collaborative models never saw are scored by their nearest learned items, by text.

A model that never saw an item scores it 0, and a ranker learns that nobody wants what all models score 0. An item
without a positive event is therefore scored as the mean of its nearest learned items by text, until a training has
seen it. Schein et al., Methods and metrics for cold-start recommendations, SIGIR 2002.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.item_facts import ItemFacts
from recsys.arrays.npy import load_array, load_csr, save_array, save_csr
from recsys.arrays.ragged import entries
from recsys.retrieval.scores import DenseScores, Scores, SparseScores, best_among, distinct
from recsys.text.interest import InterestModel

_NEAREST = 5
"""Learned items that stand in for a new one."""

_MIN_SIMILARITY = 0.35
"""Smallest cosine of two texts at which one item may stand in for the other."""

_BLOCK = 256
"""Unlearned items compared at once."""


@dataclass(frozen=True)
class ColdItems:
    """Cold items: those without a positive event, and the learned items that lend to them.

    Attributes:
        learned: (n_known,) False where the models have a place for an item and know nothing of it.
        lenders: (n_items, n_known) float32 CSR: shares, at most 1 in sum, of learned items in each unlearned one. Items
            behind `n_known` came after training; rows of learned items are empty.
    """

    learned: NDArray[np.bool_]
    lenders: sp.csr_matrix

    @property
    def n_known(self) -> int:
        """Items that the models have a place for."""
        return len(self.learned)

    @classmethod
    def of(cls, learned: NDArray[np.bool_], interest: InterestModel | None) -> "ColdItems":
        """The cold items of the catalogue that was trained on.

        Args:
            learned: (n_items,) items with a positive event.
            interest: says how similar texts are; None: nothing is lent.
        """
        without_items = cls(learned, _nothing(0, len(learned)))
        return without_items.updated(len(learned), np.flatnonzero(~learned), interest)

    def updated(self, n_items: int, numbers: NDArray[np.integer], interest: InterestModel | None) -> "ColdItems":
        """The cold items of a catalogue that has changed.

        Args:
            n_items: its size.
            numbers: items whose text is another or new.
            interest: as above.
        """
        unlearned = numbers[(numbers >= self.n_known) | ~self.learned[np.minimum(numbers, self.n_known - 1)]]
        before = self.lenders.tocoo()
        kept = ~np.isin(before.row, unlearned)
        parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]]
        parts = [(before.row[kept], before.col[kept], before.data[kept])]
        if interest is not None and self.learned.any():
            for start in range(0, len(unlearned), _BLOCK):
                parts.append(self._lenders_of(unlearned[start : start + _BLOCK], interest))
        rows, lenders, shares = (np.concatenate(part) for part in zip(*parts, strict=True))
        shape = (n_items, self.n_known)
        return ColdItems(self.learned, sp.csr_matrix((shares, (rows, lenders)), shape=shape, dtype=np.float32))

    def _lenders_of(
        self, numbers: NDArray[np.integer], interest: InterestModel
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
        """Rows, columns and shares of the learned items that read most like items (n,): of all, or of those in the
        lists of an index."""
        vectors = interest.base_vectors
        if interest.nearest is None:
            learned = np.flatnonzero(self.learned).astype(np.int32)
            similarity = vectors[numbers] @ vectors[learned].T
            lenders = np.broadcast_to(learned, similarity.shape)
        else:
            lenders = interest.nearest.listed(numbers)
            similarity = np.einsum("nd,nkd->nk", vectors[numbers], vectors[lenders])
            similarity[~self.learned[lenders]] = -1.0
        n = min(_NEAREST, similarity.shape[1])
        indices = np.argpartition(-similarity, n - 1, axis=1)[:, :n]
        highest = np.take_along_axis(similarity, indices, axis=1)
        enough = highest >= _MIN_SIMILARITY
        shares = highest / np.maximum(enough.sum(axis=1, keepdims=True), 1)
        rows = np.broadcast_to(numbers[:, None], indices.shape)
        return rows[enough], np.take_along_axis(lenders, indices, axis=1)[enough], shares[enough]

    def without_loans_to(self, known: NDArray[np.bool_]) -> "ColdItems":
        """The same, but nothing is lent to items that a model knows by itself: `known` (n_known,) is True for these."""
        lent = np.pad(~known, (0, self.lenders.shape[0] - self.n_known), constant_values=True)
        return replace(self, lenders=sp.csr_matrix(sp.diags_array(lent.astype(np.float32)) @ self.lenders))

    def with_lent_scores(self, known: Scores) -> Scores:
        """Scores of the learned items, and what they lend to the others."""
        if isinstance(known, SparseScores):
            return known.with_borrowers(self._borrowers)
        if isinstance(known, DenseScores):
            values = np.asarray(known.values @ self._borrowers)
            values[:, : self.n_known] += known.values
            return DenseScores(values)
        return _ColdItemScores(known, self.lenders, self._borrowers)

    def with_zero_scores(self, known: Scores) -> Scores:
        """Scores of the learned items, and 0 for the others."""
        if self.lenders.shape[0] == self.n_known:
            return known
        nothing = _nothing(*self.lenders.shape)
        return _ColdItemScores(known, nothing, nothing)

    @cached_property
    def _borrowers(self) -> sp.csr_matrix:
        return self.lenders.T.tocsr()

    def with_lent_vectors(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_items, dim) of vectors (n_known, dim): those of learned items, and what they lend to the others."""
        tall = np.asarray(self.lenders @ vectors)
        tall[: self.n_known] += vectors
        return tall

    def with_guessed_facts(self, facts: ItemFacts) -> ItemFacts:
        """Categories, brands and prices that unlearned items lack, guessed from who lends to them.

        To a ranker a missing category looks like one that nobody likes, though it may only not be known.
        """
        return replace(
            facts,
            categories=self._guessed_codes(facts.categories),
            brands=self._guessed_codes(facts.brands),
            prices=self._guessed_prices(facts.prices),
        )

    def _guessed_codes(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """(n_items,) with the code that has the largest share of the lenders where it was -1."""
        loans = self.lenders.tocoo()
        votes_for = (codes[loans.row] < 0) & (codes[loans.col] >= 0)
        if not votes_for.any():
            return codes
        rows, indices = np.unique(loans.row[votes_for], return_inverse=True)
        votes = sp.csr_matrix((loans.data[votes_for], (indices, codes[loans.col[votes_for]])))
        guessed = codes.copy()
        guessed[rows] = votes.argmax(axis=1).ravel()
        return guessed

    def _guessed_prices(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_items,) with the lenders' mean where it was NaN."""
        loans = self.lenders.tocoo()
        usable = np.isnan(prices[loans.row]) & ~np.isnan(prices[loans.col])
        rows, shares = loans.row[usable], loans.data[usable]
        totals = np.bincount(rows, shares, minlength=len(prices))
        sums = np.bincount(rows, shares * prices[loans.col[usable]], minlength=len(prices))
        return np.where(totals > 0, sums / np.where(totals > 0, totals, 1.0), prices)

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        folder.mkdir(parents=True, exist_ok=True)
        save_array(folder / "learned.npy", self.learned)
        save_csr(folder, "lenders", self.lenders)

    @classmethod
    def load(cls, folder: Path) -> "ColdItems":
        """Read what `save` wrote."""
        return cls(load_array(folder / "learned.npy"), load_csr(folder, "lenders"))


@dataclass(frozen=True)
class _ColdItemScores:
    """Scores of learned items, and lent ones.

    Attributes:
        lenders: (n_items, n_known) CSR.
        borrowers: (n_known, n_items) CSR: the same the other way.
    """

    known: Scores
    lenders: sp.csr_matrix
    borrowers: sp.csr_matrix

    def best(self, eligible: NDArray[np.bool_], n: int) -> NDArray[np.int32]:
        """See `Scores`: the best learned ones, and the best of those who borrow from them, in one order."""
        best = self.known.best(eligible[:, : self.lenders.shape[1]], n)
        if not self.borrowers.nnz:
            return best
        rows, indices = np.nonzero(best >= 0)
        items = best[rows, indices]
        linked, counts = entries(self.borrowers.indptr, items)
        theirs, fresh = np.repeat(rows, counts), self.borrowers.indices[linked]
        may = eligible[theirs, fresh]
        n_items = len(self.lenders.indptr) - 1
        pairs = distinct(np.append(rows * n_items + items, theirs[may] * n_items + fresh[may]))
        rows, items = pairs // n_items, (pairs % n_items).astype(np.int32)
        return best_among(rows.searchsorted(np.arange(len(best) + 1)), items, self.of(rows, items), eligible, n)

    def of(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
        """See `Scores`."""
        values, before = np.zeros(len(items), dtype=np.float32), items < self.lenders.shape[1]
        values[before] = self.known.of(rows[before], items[before])
        borrowers = np.flatnonzero(self.lenders.indptr[items + 1] > self.lenders.indptr[items])
        if len(borrowers):
            linked, counts = entries(self.lenders.indptr, items[borrowers])
            theirs = self.known.of(np.repeat(rows[borrowers], counts), self.lenders.indices[linked])
            np.add.at(values, np.repeat(borrowers, counts), self.lenders.data[linked] * theirs)
        return values


def _nothing(n_rows: int, n_columns: int) -> sp.csr_matrix:
    none, ends = np.zeros(0, dtype=np.float32), np.zeros(n_rows + 1, dtype=np.int32)
    return sp.csr_matrix((none, ends[:0], ends), shape=(n_rows, n_columns))
