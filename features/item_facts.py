"""Properties of the items themselves: category, brand, price, text, and how alike they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.attributes import Attributes
from recsys.arrays.float16 import Float16Bits
from recsys.data.groups.membership import members_of
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_past import ItemPast

Code = Literal["items", "categories", "brands"]
"""What two items can have in common: that they are the same, of one category, of one brand."""

Number = Literal["prices", "text_lengths", "relative_prices", "tag_counts"]
"""Numbers of an item that are features as they are. A relative price is that over the median of the category; NaN where
either is missing or 0."""


@dataclass(frozen=True)
class ItemFacts:
    """Properties of the items themselves; learned once, the same for every request.

    Attributes:
        categories, brands: (n_items,) codes, -1 where missing.
        prices: (n_items,) NaN where missing.
        created: (n_items,) microseconds, NaN where missing.
        text_lengths: (n_items,) characters of the item's text.
        vectors: name -> (n_items, dim) vectors, float32 or float16, whose dot product is an affinity of two items.
        links: name -> (n_items, n_items) CSR affinities from an item of the history to a candidate.
        attributes: columns of the catalogue by name, also those without a meaning of their own.
        tags: (n_items, n_tags) CSR, 1 where the item has the tag; None where no item has one.
    """

    categories: NDArray[np.int32]
    brands: NDArray[np.int32]
    prices: NDArray[np.float64]
    created: NDArray[np.float64]
    text_lengths: NDArray[np.float32]
    vectors: Mapping[str, NDArray[np.float32] | Float16Bits]
    links: Mapping[str, sp.csr_matrix]
    attributes: Attributes
    tags: sp.csr_matrix | None = None

    @classmethod
    def of(
        cls,
        catalogue: ItemCatalogue,
        vectors: Mapping[str, NDArray[np.float32] | Float16Bits],
        links: Mapping[str, sp.csr_matrix],
        past: ItemPast | None = None,
    ) -> "ItemFacts":
        """Collect the facts of a catalogue; `past` says how much each item was wanted, None where that is not known."""
        return cls(
            categories=catalogue.codes("category"),
            brands=catalogue.codes("brand"),
            prices=catalogue.frame["price"].cast(float).fill_null(np.nan).to_numpy(),
            created=catalogue.created,
            text_lengths=catalogue.text_lengths,
            vectors=vectors,
            links=links,
            attributes=Attributes(catalogue, past),
            tags=members_of(catalogue.frame["tags"]),
        )

    @cached_property
    def codes(self) -> NDArray[np.int32]:
        """(n_items, 3) the codes of each item in the order of `Code`, -1 where it has none."""
        return np.stack([np.arange(len(self.categories), dtype=np.int32), self.categories, self.brands], axis=1)

    @cached_property
    def affinities(self) -> tuple[str, ...]:
        """Names of all affinities, by vectors and by links."""
        return (*self.vectors, *self.links)

    @cached_property
    def numbers(self) -> NDArray[np.float32]:
        """(n_items, 4) the numbers of each item, in the order of `Number`."""
        n_tags = np.zeros(len(self.categories)) if self.tags is None else np.diff(self.tags.indptr)
        return np.stack([self.prices, self.text_lengths, self._relative_prices, n_tags], axis=1, dtype=np.float32)

    @property
    def _relative_prices(self) -> NDArray[np.float32]:
        """(n_items,) price over the median price of the item's category; NaN where either is missing or 0."""
        # The last one is that of no category, -1.
        medians = np.full(int(self.categories.max(initial=-1)) + 2, np.nan)
        known = np.flatnonzero((self.categories >= 0) & (self.prices > 0))
        known = known[np.argsort(self.categories[known], kind="stable")]
        codes, firsts = np.unique(self.categories[known], return_index=True)
        if len(codes):
            medians[codes] = [np.median(prices) for prices in np.split(self.prices[known], firsts[1:])]
        prices = np.where(self.prices > 0, self.prices, np.nan)
        return np.asarray(prices / medians[self.categories], dtype=np.float32)
