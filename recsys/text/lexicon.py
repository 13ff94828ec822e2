"""Words beside meaning: which tokens a text holds, weighted by how rare they are (inverse document frequency).

Brands, sizes and part numbers decide what is bought next, and an encoder blurs them. A learned vector per token, summed
over a text and added to its encoder vector, sharpens them again; it is a function of the text alone, so it serves new
items as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_MIN_TEXTS = 2
"""Texts that must contain a token: one in a single text says nothing of other texts."""


@dataclass(frozen=True)
class Lexicon:
    """The tokens that are known, and the weight of each.

    Attributes:
        tokens: (n_tokens,) token numbers of the tokenizer, increasing.
        weights: (n_tokens,) inverse document frequency.
    """

    tokens: NDArray[np.int64]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def from_texts(cls, texts: Sequence[Sequence[int]]) -> "Lexicon":
        """Keep the tokens that are in at least two texts."""
        held = [np.unique(np.asarray(text, dtype=np.int64)) for text in texts]
        tokens, counts = np.unique(np.concatenate([*held, np.empty(0, np.int64)]), return_counts=True)
        kept = counts >= _MIN_TEXTS
        return cls(tokens[kept], np.log(len(texts) / counts[kept]).astype(np.float32))

    def indices(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the row of each token, -1 where it is not known."""
        indices = np.searchsorted(self.tokens, tokens)
        known = indices < len(self.tokens)
        known[known] = self.tokens[indices[known]] == tokens[known]
        return np.where(known, indices, -1)

    def bags(self, texts: Sequence[Sequence[int]]) -> sp.csr_matrix:
        """(n_texts, n_tokens) float32: the weights of the known tokens of each text, rows of length 1 or 0."""
        held = [np.unique(np.asarray(text, dtype=np.int64)) for text in texts]
        numbers = np.concatenate([*held, np.empty(0, np.int64)])
        rows = np.repeat(np.arange(len(held)), [len(row) for row in held])
        indices = self.indices(numbers)
        rows, indices = rows[indices >= 0], indices[indices >= 0]
        values = self.weights[indices]
        lengths = np.sqrt(np.bincount(rows, values**2, minlength=len(held)))
        values = (values / np.maximum(lengths, 1e-6)[rows]).astype(np.float32)
        return sp.csr_matrix((values, (rows, indices)), shape=(len(held), len(self)))
