"""The ranker: LightGBM's LambdaRank (Burges, From RankNet to LambdaRank to LambdaMART, 2010)."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from recsys.config import RankerConfig
from recsys.errors import BundleError, DataError
from recsys.rank.boosting import boosted_trees, model_text, refitted_leaves, threads_for, weighted_trees
from recsys.rank.columns import Columns
from recsys.rank.compiled import CompiledTrees
from recsys.rank.linear import LinearScore
from recsys.rank.rows import RankerRows
from recsys.rank.stacking import STAGES, PartWeights


@dataclass(frozen=True)
class Ranker:
    """Fitted trees and, where they learned from few requests, a weighted sum of the columns beside them.

    Attributes:
        booster: the trees; the weight of each (see `PartWeights`) is already in the values of its leaves.
        names: its columns, in order.
        linear: the weighted sum, added to the scores of the trees; None: there are only trees.
    """

    booster: lightgbm.Booster
    names: tuple[str, ...]
    linear: LinearScore | None = None

    @classmethod
    def fit(
        cls,
        train: RankerRows,
        validation: RankerRows,
        columns: Columns,
        config: RankerConfig,
        seed: int,
        weights: PartWeights | None = None,
    ) -> "Ranker":
        """Fit trees and, where `columns` says which way scores may follow some of them, the weighted sum.

        Args:
            train: rows of older requests, to learn from.
            validation: rows of newer requests, by which early stopping ends the fit.
            columns: of both tables.
            weights: of trees and sum; None: the usual ones for so many requests.

        Raises:
            DataError: no request of the window has both an item that was wanted and one that was not.
        """
        if len(train.gains) and train.positive.all():
            raise DataError(
                "the ranker has nothing to learn from: every item that could be listed was wanted, so no order is "
                "better than another; it needs a catalogue of several available items, and candidates.n above 1"
            )
        if not train.positive.any():
            raise DataError(
                "the ranker has nothing to learn from: in its window no user wanted an item that any source had "
                "proposed; give it more events, a larger data.ranker_fraction, or policy.seen = 'keep' if users want "
                "again what they have seen"
            )
        booster = boosted_trees(train, validation, columns, config, seed, config.trees)
        parts = cls(booster, columns.names)
        if config.debias:  # the weighted sum cannot account for positions
            return parts
        weights = weights or PartWeights.usual(train.n_requests)
        if weights.linear > 0 and columns.monotone:
            parts = replace(parts, linear=LinearScore.fit(train, columns.monotone))
        return parts.weighted(weights)

    def refitted(
        self, rows: RankerRows, config: RankerConfig, seed: int, weights: PartWeights | None = None
    ) -> "Ranker":
        """A ranker with the same number of trees, fitted on rows of which some were held out when this one was."""
        settled = config.model_copy(update={"trees": self.n_trees, "early_stopping": 0})
        return Ranker.fit(rows, rows, self.columns, settled, seed, weights)

    def parts(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_parts, n_rows) the score of each part by itself, see `PartWeights`."""
        threads = threads_for(len(table))
        trees = [self.booster.predict(table, num_iteration=n, num_threads=threads) for n in self._stages]
        linear = np.zeros(len(table)) if self.linear is None else self.linear.score(table)
        return np.array([*trees, linear])

    def weighted(self, weights: PartWeights) -> "Ranker":
        """This ranker with its parts multiplied by these weights; trees of weight 0 at the end are left out."""
        linear = None if self.linear is None or weights.linear == 0 else self.linear.times(weights.linear)
        factors = np.zeros(self.n_trees)
        for n, weight in zip(self._stages, weights.trees, strict=True):
            factors[:n] += weight
        booster = self.booster if np.all(factors == 1) else weighted_trees(self.booster, factors)
        return replace(self, booster=booster, linear=linear)

    def with_refitted_leaves(self, rows: RankerRows) -> "Ranker":
        """The same trees, with leaves whose values newer rows move a little."""
        return replace(self, booster=refitted_leaves(self.booster, rows, self.columns))

    def with_more_trees(
        self, rows: RankerRows, validation: RankerRows, more: int, config: RankerConfig, seed: int
    ) -> "Ranker":
        """The same trees and at most `more` after them; the other arguments are those of `fit`."""
        booster = boosted_trees(rows, validation, self.columns, config, seed, more, self.booster)
        return replace(self, booster=booster)

    def trimmed(self) -> "Ranker":
        """This ranker without the trees after its best one, which a booster still holds after early stopping."""
        return replace(self, booster=lightgbm.Booster(model_str=model_text(self.booster)))

    def score(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) float32, higher is better; comparable within a request."""
        if not len(table):
            return np.zeros(0, dtype=np.float32)
        if self.compiled is not None:
            by_trees = self.compiled.predict(table)
        else:
            by_trees = np.asarray(self.booster.predict(table, num_threads=threads_for(len(table))), dtype=np.float32)
        return by_trees if self.linear is None else (by_trees + self.linear.score(table)).astype(np.float32)

    @property
    def _stages(self) -> list[int]:
        """How many trees each of `STAGES` has."""
        return [max(1, round(share * self.n_trees)) for share in STAGES]

    @property
    def n_trees(self) -> int:
        """How many trees count: after early stopping, fewer than were fitted."""
        best: int = self.booster.best_iteration
        return best if best > 0 else self.booster.num_trees()

    @property
    def columns(self) -> Columns:
        """As given to `fit`: the model of the trees keeps names and constraints."""
        found = re.search(r"^monotone_constraints=(.*)$", model_text(self.booster), re.MULTILINE)
        return Columns(self.names, tuple(map(int, found[1].split())) if found else ())

    @cached_property
    def compiled(self) -> CompiledTrees | None:
        """The trees in a faster layout, made at the first use; None where that cannot be."""
        return CompiledTrees.of(self.booster)

    def contributions(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_rows, n_features) exact contribution of each feature to the score (Lundberg et al., TreeSHAP, 2018)."""
        if not len(table):
            return np.zeros((0, len(self.names)))
        threads = threads_for(len(table))
        found = np.asarray(self.booster.predict(table, pred_contrib=True, num_threads=threads))[:, :-1]
        if self.linear is not None:
            found += self.linear.contributions(table)
        return found

    @property
    def importance(self) -> dict[str, float]:
        """Share of the total gain that each feature brought to the trees, highest first."""
        gains = self.booster.feature_importance("gain")
        shares = gains / max(gains.sum(), 1e-12)
        return {self.names[index]: float(shares[index]) for index in np.argsort(-shares, kind="stable")}

    def save(self, path: Path) -> None:
        """Write LightGBM's text format, and the linear part beside it."""
        path.write_text(model_text(self.booster), encoding="utf-8")
        if self.linear is not None:
            self.linear.save(_file_of_linear(path))

    @classmethod
    def load(cls, path: Path) -> "Ranker":
        """Read what `save` wrote.

        Raises:
            BundleError: the file is not a LightGBM model, or the file of the weighted sum beside it is damaged.
        """
        try:
            booster = lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
        except lightgbm.basic.LightGBMError as error:
            raise BundleError(f"{path} is not a LightGBM model: {error}") from error
        linear = LinearScore.load(_file_of_linear(path)) if _file_of_linear(path).exists() else None
        return cls(booster, tuple(booster.feature_name()), linear)


def _file_of_linear(path: Path) -> Path:
    """Where the weighted sum of a ranker is kept: beside the file of its trees."""
    return path.with_suffix(".linear.json")
