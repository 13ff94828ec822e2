"""The ranker: LightGBM's LambdaRank (Burges, From RankNet to LambdaRank to LambdaMART, 2010)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from recsys.config import RankerConfig
from recsys.errors import BundleError, DataError
from recsys.rank.compiled import CompiledTrees
from recsys.rank.linear import LinearScore
from recsys.rank.rows import RankerRows

VALIDATION_SHARE = 0.2
"""Newest share of the requests: held out at first, to decide how many trees are kept, and to calibrate the scores."""

_GAINS = 31
"""Grades, 0 included, whose gains LightGBM knows by itself."""

_TRUNCATION = 20
"""Pairs are counted for the first places only; about twice the length of a list."""

_SMALL = 10_000

_REQUESTS_PER_LEAF = 50
"""Requests that a ranker learns from for each leaf of a tree, up to `ranker.leaves`: fewer are learned by heart."""

_REQUESTS_FOR_TREES_ALONE = 1_000
"""From so many requests on trees alone order best; of fewer they make less than a weighted sum of opinions does."""

_MORE_TREES = 0.2
"""Trees that a ranker may gain when it goes on from an earlier one, as a share of `ranker.trees`."""

_DECAY = 0.9
"""How much of a leaf's value stays when new rows move it."""


@dataclass(frozen=True)
class Ranker:
    """A fitted booster and, where it learned from few requests, what they teach a weighted sum of its columns.

    Attributes:
        booster: the trees.
        names: its columns, in order.
        linear: is added to what the trees say; None where they speak alone.
    """

    booster: lightgbm.Booster
    names: tuple[str, ...]
    linear: LinearScore | None = None

    @classmethod
    def fit(
        cls,
        train: RankerRows,
        validation: RankerRows,
        names: Sequence[str],
        config: RankerConfig,
        seed: int,
        directions: Sequence[int] = (),
    ) -> "Ranker":
        """Fit on older requests; newer ones may end it.

        Args:
            directions: of each column, 1 where a score must not fall as its value rises, -1 where it must not rise, 0
                where it may do either; none binds no column.

        Raises:
            DataError: no request of the window has both an item that was wanted and one that was not.
        """
        if len(train.grades) and train.wanted.all():
            raise DataError(
                "the ranker has nothing to learn from: every item that could be listed was wanted, so no order is "
                "better than another; it needs a catalogue of several available items, and candidates.n above 1"
            )
        if not train.wanted.any():
            raise DataError(
                "the ranker has nothing to learn from: in its window no user wanted an item that any source had "
                "proposed; give it more events, a larger data.ranker_fraction, or policy.seen = 'keep' if users want "
                "again what they have seen"
            )
        booster = _boosted(train, validation, names, directions, config, seed, config.trees)
        return cls(booster, tuple(names), _linear(train, directions, config))

    def refitted(self, rows: RankerRows, config: RankerConfig, seed: int) -> "Ranker":
        """Fitted anew as this one was, with as many trees, on rows of which some were held out from it."""
        settled = config.model_copy(update={"trees": self.n_trees, "early_stopping": 0})
        return Ranker.fit(rows, rows, self.names, settled, seed, self._directions)

    def continued(
        self, train: RankerRows, validation: RankerRows, config: RankerConfig, seed: int
    ) -> tuple["Ranker", "Way"]:
        """This ranker after newer requests: whichever ranks the newest ones, `validation`, best of

        * itself, unless another one is ahead of it by more than a standard error: few requests tell little,
        * its trees with leaves that the new rows moved a little (`Booster.refit`),
        * its trees and some more,
        * new trees from the new rows alone.

        Returns:
            The chosen one as `train` made it, and the way to make one like it of more rows.
        """
        if not train.ordered or not validation.wanted.any():
            return self, lambda rows: self
        more = max(1, round(config.trees * _MORE_TREES))
        settled = config.model_copy(update={"early_stopping": 0})
        # With the trees that it kept: a booster that has just been fitted also holds those behind its best.
        kept = replace(self, booster=lightgbm.Booster(model_str=_text(self.booster)))
        grown = kept._grown(train, validation, more, config, seed)
        new = Ranker.fit(train, validation, self.names, config, seed, self._directions)
        ways: list[tuple[Ranker, Way]] = [
            (grown, lambda rows: kept._grown(rows, rows, grown.n_trees - kept.n_trees, settled, seed)),
            (new, lambda rows: new.refitted(rows, config, seed)),
        ]
        if not config.debias:  # which leaves that are moved cannot do
            ways.insert(0, (kept._moved(train), kept._moved))
        reached = validation.worth(kept.score(validation.table))
        gains = [validation.worth(ranker.score(validation.table)) - reached for ranker, _ in ways]
        ahead = [float(gain.mean() - gain.std() / np.sqrt(len(gain))) for gain in gains]
        best = int(np.argmax(ahead))
        if ahead[best] <= 0:
            return kept, lambda rows: kept
        return ways[best]

    def _moved(self, rows: RankerRows) -> "Ranker":
        directions, threads = self._directions, _threads(len(rows.grades))
        booster = self.booster.refit(
            rows.table,
            rows.grades,
            decay_rate=_DECAY,
            group=rows.sizes,
            feature_name=list(self.names),  # which it forgets when they are not told
            dataset_params=_gains(rows),
            num_threads=threads,
        )
        if any(directions):  # which it does not keep to either
            for number, tree in enumerate(booster.dump_model()["tree_info"]):
                for leaf, value in _ordered(tree["tree_structure"], directions).items():
                    booster.set_leaf_output(number, leaf, value)
        return replace(self, booster=booster)

    def _grown(self, rows: RankerRows, validation: RankerRows, more: int, config: RankerConfig, seed: int) -> "Ranker":
        names, directions = self.names, self._directions
        return replace(self, booster=_boosted(rows, validation, names, directions, config, seed, more, self.booster))

    def score(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_rows,) float32, higher is better; comparable within a request."""
        if not len(table):
            return np.zeros(0, dtype=np.float32)
        if self.compiled is not None:
            by_trees = self.compiled.predict(table)
        else:
            by_trees = np.asarray(self.booster.predict(table, num_threads=_threads(len(table))), dtype=np.float32)
        return by_trees if self.linear is None else (by_trees + self.linear.score(table)).astype(np.float32)

    @property
    def n_trees(self) -> int:
        """How many trees speak: with early stopping not all that were fitted."""
        best: int = self.booster.best_iteration
        return best if best > 0 else self.booster.num_trees()

    @property
    def _directions(self) -> list[int]:
        """As given to `fit`: the file knows them."""
        found = re.search(r"^monotone_constraints=(.*)$", _text(self.booster), re.MULTILINE)
        return [int(direction) for direction in found[1].split()] if found else []

    @cached_property
    def compiled(self) -> CompiledTrees | None:
        """The trees in a faster layout, made at the first use; None where that cannot be."""
        return CompiledTrees.of(self.booster)

    def contributions(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_rows, n_features) exact contribution of each feature to the score (Lundberg et al., TreeSHAP, 2018)."""
        if not len(table):
            return np.zeros((0, len(self.names)))
        threads = _threads(len(table))
        found = np.asarray(self.booster.predict(table, pred_contrib=True, num_threads=threads))[:, :-1]
        if self.linear is not None:
            found += self.linear.contributions(table)
        return found

    @property
    def importance(self) -> dict[str, float]:
        """Share of the total gain that each feature brought to the trees, highest first."""
        gains = self.booster.feature_importance("gain")
        shares = gains / max(gains.sum(), 1e-12)
        return {self.names[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}

    def save(self, path: Path) -> None:
        """Write LightGBM's text format, and the linear part beside it."""
        path.write_text(_text(self.booster), encoding="utf-8")
        if self.linear is not None:
            self.linear.save(_beside(path))

    @classmethod
    def load(cls, path: Path) -> "Ranker":
        """Read what `save` wrote.

        Raises:
            BundleError: the file is not a LightGBM model, or what is beside it is damaged.
        """
        try:
            booster = lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
        except lightgbm.basic.LightGBMError as error:
            raise BundleError(f"{path} is not a LightGBM model: {error}") from error
        linear = LinearScore.load(_beside(path)) if _beside(path).exists() else None
        return cls(booster, tuple(booster.feature_name()), linear)


Way = Callable[[RankerRows], Ranker]
"""Makes a ranker of rows, as one that was chosen before was made of fewer."""


def _linear(rows: RankerRows, directions: Sequence[int], config: RankerConfig) -> LinearScore | None:
    """The linear part of a ranker that learns from these rows: the fewer requests, the more it counts; None where
    requests are many, where directions are not told, or where clicks must be told from places, which it cannot."""
    share = (rows.n_requests / _REQUESTS_FOR_TREES_ALONE) ** 0.5
    if share >= 1 or config.debias or not directions:
        return None
    return LinearScore.fit(rows, directions).times((1 - share) / share)


def _beside(path: Path) -> Path:
    return path.with_suffix(".linear.json")


def _boosted(
    train: RankerRows,
    validation: RankerRows,
    names: Sequence[str],
    directions: Sequence[int],
    config: RankerConfig,
    seed: int,
    trees: int,
    start: lightgbm.Booster | None = None,
) -> lightgbm.Booster:
    """At most `trees` new trees, behind those of `start`; with early stopping, held-out requests may end them sooner.

    With `config.debias` a click is explained by the trees and by the place where the item was shown, together, and the
    trees alone rank (LightGBM's `position`; the additive model of Wang et al., Position bias estimation for unbiased
    learning to rank in personal search, WSDM 2018). What was not shown at a known place has no part in it, and nothing
    ends the trees sooner: held-out clicks are as biased as the others.
    """
    if config.debias:
        train = train.shown()
    parameters: dict[str, object] = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": _TRUNCATION,
        "num_leaves": min(config.leaves, max(2, train.n_requests // _REQUESTS_PER_LEAF)),
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": min(config.min_rows_per_leaf, max(1, len(train.grades) // 50)),
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": _threads(len(train.grades)),
        "monotone_constraints": list(directions) or None,
        "verbosity": -1,
        **_gains(train, validation),
    }
    data = _dataset(train, names, parameters)
    if config.debias:
        data.set_position(train.positions)
    stops = config.early_stopping and validation.wanted.any() and not config.debias
    stopping = [lightgbm.early_stopping(config.early_stopping, verbose=False)] if stops else []
    return lightgbm.train(
        parameters,
        data,
        num_boost_round=trees,
        valid_sets=[_dataset(validation, names, parameters, data)] if stopping else [],
        callbacks=stopping,
        init_model=start,
    )


def _gains(*parts: RankerRows) -> dict[str, list[float]]:
    """The gains of as many grades as there are, where LightGBM does not know so many: 2^grade - 1, as of the others."""
    n_grades = 1 + max(int(rows.grades.max(initial=0)) for rows in parts)
    return {"label_gain": [2.0**grade - 1 for grade in range(n_grades)]} if n_grades > _GAINS else {}


def _ordered(node: Mapping[str, Any], directions: Sequence[int]) -> dict[int, float]:
    """Values of a tree's leaves, brought together where a split lets the score go against a direction."""
    if "leaf_value" in node:
        return {node.get("leaf_index", 0): node["leaf_value"]}  # a tree of one leaf does not number it
    lower, upper = (_ordered(node[side], directions) for side in ("left_child", "right_child"))
    direction = directions[node["split_feature"]]
    if direction < 0:
        lower, upper = upper, lower
    middle = (max(lower.values()) + min(upper.values())) / 2
    if direction and max(lower.values()) > middle:
        lower = {leaf: min(value, middle) for leaf, value in lower.items()}
        upper = {leaf: max(value, middle) for leaf, value in upper.items()}
    return lower | upper


def _text(booster: lightgbm.Booster) -> str:
    """LightGBM's text format, up to the best tree."""
    text: str = booster.model_to_string(num_iteration=booster.best_iteration)
    return text


def _threads(n_rows: int) -> int:
    """One for a small table, where waking the others costs more than they do; 0 leaves it to LightGBM."""
    return 1 if n_rows < _SMALL else 0


def _dataset(
    rows: RankerRows, names: Sequence[str], parameters: dict[str, object], reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        rows.table,
        label=rows.grades,
        group=rows.sizes,
        feature_name=list(names),
        params=parameters,
        reference=reference,
        free_raw_data=True,
    )
