"""The listwise loss: how far softmax over each request's rows is from what was wanted.

Cao et al., "Learning to rank: from pairwise approach to listwise approach" (ListNet), ICML 2007.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.rank.rows import RankerRows


@dataclass(frozen=True)
class ListwiseLoss:
    """Cross-entropy of softmax over each request's rows with what was wanted, summed over all requests.

    Attributes:
        shares: (n_rows,) how much each row was wanted, see `RankerRows.shares`.
        sums: (n_rows,) the sum of the shares of the row's request.
        starts, sizes: (n_requests,) where the rows of each request start, and how many they are.
    """

    shares: NDArray[np.float64]
    sums: NDArray[np.float64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, rows: RankerRows) -> "ListwiseLoss":
        """The loss on these rows; each request has one at least."""
        return cls.of_shares(rows.shares, rows.sizes)

    @classmethod
    def of_shares(cls, shares: NDArray[np.float64], sizes: NDArray[np.int64]) -> "ListwiseLoss":
        """The loss on rows (n_rows,) that were wanted so much; each request has one at least."""
        starts = np.cumsum(sizes) - sizes
        return cls(shares, np.repeat(np.add.reduceat(shares, starts), sizes), starts, sizes)

    def at(self, scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The loss of scores (n_rows,), and its derivative by each of them (n_rows,)."""
        scores = scores - np.repeat(np.maximum.reduceat(scores, self.starts), self.sizes)  # exp must not overflow
        exponentials = np.exp(scores)
        totals = np.repeat(np.add.reduceat(exponentials, self.starts), self.sizes)
        loss = float(self.shares @ (np.log(totals) - scores))
        return loss, self.sums * exponentials / totals - self.shares
