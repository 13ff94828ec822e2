"""The items that texts ask for most, as compiled loops and files hold them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.npy import load_array, save_array


class NeighbourLists(NamedTuple):
    """The items that some texts ask for most, a row a text."""

    items: NDArray[np.int32]
    """(n, k), increasing within a row"""
    logits: NDArray[np.float32]
    """(n, k) for a history of that one event, up to a constant"""

    def save(self, folder: Path, name: str) -> None:
        """Write NAME.npy and NAME.logits.npy."""
        save_array(folder / f"{name}.npy", self.items)
        save_array(folder / f"{name}.logits.npy", self.logits)

    @classmethod
    def load(cls, folder: Path, name: str) -> "NeighbourLists":
        """Read what `save` wrote; arrays are mapped into memory."""
        return cls(load_array(folder / f"{name}.npy"), load_array(folder / f"{name}.logits.npy"))


class ListedEvents(NamedTuple):
    """The events of some requests, by where the lists of their items stand."""

    offsets: NDArray[np.int64]
    """(n_requests + 1,) where each request's events start"""
    indices: NDArray[np.integer]
    """(n_events,) rows of the lists of the catalogue or, numbered behind these, of those of fresh items"""
    shares: NDArray[np.float32]
    """(n_events,) how much each event counts"""
    priors: NDArray[np.float32]
    """(n_requests,) how much the prior counts"""
