"""What every collaborative model can do."""

from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys.config import CfConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.retrieval.scores import Scores


class CollaborativeModel(Protocol):
    """A model that is learned once and then scores all items for any history, whether the user is known or not.

    Most models inherit the defaults given here.

    Attributes:
        of_cold_items: how it scores items that it never saw: "lent" by items with similar texts, "nothing", or its
            "own" as for any other item.
        unit_vectors: (n_items, dim) of length 1, whose dot product is an affinity of two items, where there are any.
        links: (n_items, n_items) CSR affinities from an item of a history to another one, where there are any.
    """

    of_cold_items: ClassVar[Literal["lent", "nothing", "own"]] = "lent"

    @property
    def unit_vectors(self) -> NDArray[np.float32] | None:
        return None

    @property
    def links(self) -> sp.csr_matrix | None:
        return None

    def scores(self, histories: HistoryBatch) -> Scores:
        """The scores of all items for each request; higher is better, 0 says that the model knows nothing. Seen items
        have scores as well. Where the model allows it, only scores that are asked for are computed."""
        ...

    def indexed(self, seed: int = 0) -> Self:
        """This model for a large catalogue, where a request must not cost all items."""
        return self

    def extended(self, n_items: int) -> Self:
        """This model for a catalogue with further items."""
        return self

    def save(self, folder: Path) -> None:
        """Write the model into `folder`, which is made when it does not exist."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays are mapped into memory."""
        ...


class LogModel(CollaborativeModel, Protocol):
    """A model that learns from nothing but the log."""

    @classmethod
    def fit(cls, log: InteractionLog, config: CfConfig, seed: int = 0, earlier: Self | None = None) -> Self:
        """Learn from a log that is already cut in time; it may be empty.

        Args:
            seed: of random draws, if there are any.
            earlier: an earlier model, for those that can go on from it.
        """
        ...
