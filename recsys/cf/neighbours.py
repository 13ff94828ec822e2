"""Item-item neighbours: items that the same users want, by shrunk cosine."""

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.cf.links import ItemLinks
from recsys.cf.product import top_k_product
from recsys.cf.users import newest_items_of_users
from recsys.config import CfConfig
from recsys.data.log.interactions import InteractionLog

_SHRINKAGE = 5.0
"""Added to the divisor of the cosine: two items that one user shares are no evidence yet."""


class Neighbours(ItemLinks):
    """Shrunk cosine (Sarwar et al., WWW 2001), each user counting 1 / sqrt(1 + items wanted) (Breese et al., UAI 1998).

    The matrix holds the nearest items of each item, without itself.
    """

    name = "neighbours"

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """See `LogModel`."""
        wanted = newest_items_of_users(log)
        counts = 1.0 / np.sqrt(1.0 + np.diff(wanted.indptr))
        counted = sp.csr_matrix(wanted.multiply(counts.astype(np.float32)[:, None]))
        norms: NDArray[np.float32] = np.sqrt(np.asarray(counted.sum(axis=0), dtype=np.float32).ravel())

        def cosine(
            rows: NDArray[np.intp], columns: NDArray[np.intp], together: NDArray[np.float32]
        ) -> NDArray[np.float32]:
            similarity: NDArray[np.float32] = together / (norms[rows] * norms[columns] + np.float32(_SHRINKAGE))
            similarity[rows == columns] = 0
            return similarity

        return cls.between(top_k_product(wanted.T.tocsr(), counted, config.neighbours, cosine), log)
