"""Users with known tastes over a real catalogue: what they see of a list, what they click, and how that changes.

An item's place among the tastes comes from what it says (latent semantic analysis; Deerwester et al., 1990). A user
looks at position k of a list with probability 1 / (1 + k) ** 0.5 (the position-based model; Craswell et al., WSDM
2008), and clicks what is seen with a probability that grows with the item's nearness to the user's taste; what was
clicked once is known and not clicked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds
from scipy.special import expit

from recsys.errors import DataError

_DIMENSIONS = 48
"""Ways in which items differ. With a dozen, the most clicked items earn more than half of what the best list of each
user would, and there is little to learn about single users; with these they earn two fifths."""

_NEARNESS, _APPEAL = 10.0, 0.7
"""Weight of an item's nearness to a taste, and the spread of an item's appeal to everybody."""

_LIKED = 0.05
"""Share of the catalogue that a user likes more than not, on average. Good lists use up a few of these items in a few
weeks; if there were only a handful, nothing would be left to find."""

_PURCHASES = 0.25
"""Share of the clicks that end in a purchase."""

_DRIFT = 0.05
"""Length of the random steps that tastes take in a week, in each dimension; a taste itself has the length 1."""


@dataclass
class World:
    """The users' true tastes, which no model sees.

    Attributes:
        items: (n_items, dim) unit rows, where each item stands.
        appeal: (n_items,) how much everybody likes it.
        users: (n_users, dim) unit rows, tastes.
        threshold: nearness and appeal at which a seen item is clicked every other time.
        known: (n_users, n_items) what each user has clicked.
    """

    items: NDArray[np.float64]
    appeal: NDArray[np.float64]
    users: NDArray[np.float64]
    threshold: float
    random: np.random.Generator
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str], n_users: int, seed: int) -> "World":
        """A world over the texts of items."""
        random = np.random.default_rng(seed)
        items = _places(texts, random)
        appeal, nobody = _APPEAL * random.standard_normal(len(items)), np.zeros((0, items.shape[1]))
        world = cls(items, appeal, nobody, 0.0, random, np.zeros((0, len(items)), dtype=bool))
        world.add_users(n_users)
        worth = world.users @ items.T * _NEARNESS + world.appeal
        world.threshold = float(np.quantile(worth, 1 - _LIKED))
        return world

    def add_users(self, n: int) -> None:
        """New users, each near one item and a little of another."""
        first, second = self.random.integers(len(self.items), size=(2, n))
        tastes = self.items[first] + 0.5 * self.items[second]
        self.users = np.concatenate([self.users, _unit(tastes + 0.1 * self.random.standard_normal(tastes.shape))])
        self.known = np.concatenate([self.known, np.zeros((n, len(self.items)), dtype=bool)])

    def drift(self) -> None:
        """Tastes move a little, as from one week to the next."""
        self.users = _unit(self.users + _DRIFT * self.random.standard_normal(self.users.shape))

    def shift_tastes(self, share: float) -> None:
        """A share of the items exchange their places among the tastes, so that they please other people: neither the
        past nor the texts predict any more what goes with what."""
        chosen = self.random.permutation(len(self.items))[: int(share * len(self.items))]
        moved = self.random.permutation(chosen)
        self.items[chosen], self.appeal[chosen] = self.items[moved], self.appeal[self.random.permutation(chosen)]

    def click_probabilities(self, user: int, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """(n,) probability of a click on each item once it is seen."""
        worth = _NEARNESS * (self.items[items] @ self.users[user]) + self.appeal[items]
        return np.asarray(np.where(self.known[user, items], 0.0, expit(2.0 * (worth - self.threshold))))

    def value(self, user: int, items: NDArray[np.int32]) -> float:
        """Clicks that a list earns on average: the truth that estimates are compared with."""
        return float(examination(len(items)) @ self.click_probabilities(user, items))

    def reactions(self, user: int, items: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) whether each item is clicked, and (n,) whether it is also bought."""
        clicked = self.random.random(len(items)) < examination(len(items)) * self.click_probabilities(user, items)
        self.known[user, items[clicked]] = True
        return clicked, clicked & (self.random.random(len(items)) < _PURCHASES)


def examination(n: int) -> NDArray[np.float64]:
    """(n,) probability that the user looks at each position."""
    return np.asarray((1.0 + np.arange(n)) ** -0.5)


def _places(texts: Sequence[str], random: np.random.Generator) -> NDArray[np.float64]:
    """(n, dimensions) where items are, by the words of their texts."""
    words: dict[str, int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        for word in dict.fromkeys(text.lower().split()):  # a set's order is another in every process
            rows.append(row)
            columns.append(words.setdefault(word, len(words)))
    if min(len(texts), len(words)) < 2:
        raise DataError(
            f"the catalogue is too small for a world of tastes (items: {len(texts)}, different words in their texts: "
            f"{len(words)}); take two items or more, with titles"
        )
    matrix = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(words)))
    rarity = np.log(1 + len(texts) / np.maximum(1, np.asarray(matrix.sum(axis=0)).ravel()))
    weighted = matrix @ sp.diags(rarity)
    dimensions = max(1, min(_DIMENSIONS, min(weighted.shape) - 1))
    left, values, _ = svds(weighted, k=dimensions, v0=random.random(min(weighted.shape)))
    # Directions of equal strength, from the middle of all items: otherwise one common word would be everybody's taste.
    left -= left.mean(axis=0)
    return _unit(left * np.sqrt(values) + 1e-9 * random.standard_normal(left.shape))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
