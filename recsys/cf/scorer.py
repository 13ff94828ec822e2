"""What every collaborative model can do."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recsys.config import CfConfig
from recsys.data.history import HistoryBatch
from recsys.data.interactions import InteractionLog
from recsys.retrieval.scores import Scores


class Scorer(Protocol):
    """A model that is learned once from a log and then scores all items for any history, known user or not."""

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0) -> Self:
        """Learn from a log that is already cut in time; it may be empty."""
        ...

    def score(self, histories: HistoryBatch) -> NDArray[np.float32]:
        """(n_requests, n_items): higher is better, 0 knows nothing. Seen items are not masked."""
        ...

    def scores(self, histories: HistoryBatch) -> Scores:
        """The same scores, at the cost of those that are asked for where the model allows it."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`, which is made when it does not exist."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays are mapped into memory."""
        ...
