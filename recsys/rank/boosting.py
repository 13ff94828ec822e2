"""Boosted trees by LightGBM: what `Ranker` needs of the library, and with which settings."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from recsys.config import RankerConfig
from recsys.rank.columns import Columns
from recsys.rank.rows import RankerRows
from recsys.rank.samples import with_positions

_TRUNCATION = 20
"""Pairs are counted for the first positions only; about twice the length of a list."""

_SMALL_TABLE = 10_000
"""Up to this many rows, one thread fits the trees: waking the others costs more than they save."""

_REQUESTS_PER_LEAF = 50
"""A tree has one leaf for this many requests, and at most `ranker.leaves`: with more leaves, trees would learn single
requests by heart."""

_ALWAYS: Mapping[str, object] = {
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""Settings of all trees."""

_DECAY = 0.9
"""How much of a leaf's value stays when new rows move it."""


def boosted_trees(
    train: RankerRows,
    validation: RankerRows,
    columns: Columns,
    config: RankerConfig,
    seed: int,
    trees: int,
    start: lightgbm.Booster | None = None,
) -> lightgbm.Booster:
    """At most `trees` new trees, after those of `start`; with early stopping, held-out requests may end the fit sooner.

    With `config.debias`, trees and the position where the item was shown explain a click together, and the trees alone
    are used to rank (LightGBM's `position`; the additive model of Wang et al., Position bias estimation for unbiased
    learning to rank in personal search, WSDM 2018); see `recsys.rank.samples.with_positions`. Early stopping is off
    then: held-out clicks are as biased as the others.

    Args:
        train, validation: rows to learn from, and those that early stopping looks at.
        columns: of both.
        config: the settings, except that `trees` stands in for `config.trees`.
        start: an earlier booster, whose trees come first; None: there are none before.
    """
    if config.debias:
        train = with_positions(train, seed)
    gains = _gains(train, validation)
    parameters: dict[str, object] = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": _TRUNCATION,
        "num_leaves": min(config.leaves, max(2, train.n_requests // _REQUESTS_PER_LEAF)),
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": min(config.min_rows_per_leaf, max(1, len(train.gains) // 50)),
        "num_threads": threads_for(len(train.gains)),
        "monotone_constraints": list(columns.monotone) or None,
        "label_gain": gains,
        "seed": seed,
        **_ALWAYS,
    }
    data = _dataset(train, columns, gains, parameters)
    if config.debias:
        data.set_position(train.positions)
    stops = config.early_stopping and validation.positive.any() and not config.debias
    stopping = [lightgbm.early_stopping(config.early_stopping, verbose=False)] if stops else []
    return lightgbm.train(
        parameters,
        data,
        num_boost_round=trees,
        valid_sets=[_dataset(validation, columns, gains, parameters, data)] if stopping else [],
        callbacks=stopping,
        init_model=start,
    )


def probability_trees(
    table: NDArray[np.float32], happened: NDArray[np.bool_], names: Sequence[str], seed: int
) -> lightgbm.Booster:
    """Trees whose scores estimate the probability that something happened to a row.

    They are fitted by squared error, not by likelihood, so that scores are sums of leaves, like those of a ranker.

    Args:
        table: (n_rows, n_columns) columns `names`.
        happened: (n_rows,) whether it did.
    """
    parameters: dict[str, object] = {
        "objective": "regression",
        "num_leaves": 7,
        "learning_rate": 0.05,
        "min_data_in_leaf": 30,
        "num_threads": threads_for(len(table)),
        "seed": seed,
        **_ALWAYS,
    }
    data = lightgbm.Dataset(table, label=happened, feature_name=list(names), params=parameters)
    return lightgbm.train(parameters, data, num_boost_round=100)


def refitted_leaves(booster: lightgbm.Booster, rows: RankerRows, columns: Columns) -> lightgbm.Booster:
    """The same trees, with leaves whose values new rows move a little; arguments as in `boosted_trees`."""
    gains = _gains(rows)
    refitted = booster.refit(
        rows.table,
        _grades(rows, gains),
        decay_rate=_DECAY,
        weight=_weights(rows),
        group=rows.sizes,
        feature_name=list(columns.names),  # LightGBM forgets the names unless they are passed
        dataset_params={"label_gain": gains},
        num_threads=threads_for(len(rows.gains)),
    )
    if any(columns.monotone):  # LightGBM does not keep to the constraints either
        for number, tree in enumerate(refitted.dump_model()["tree_info"]):
            for leaf, value in _monotone_leaves(tree["tree_structure"], columns.monotone).items():
                refitted.set_leaf_output(number, leaf, value)
    return refitted


def weighted_trees(booster: lightgbm.Booster, factors: NDArray[np.float64]) -> lightgbm.Booster:
    """The same trees with leaves that are `factors` (n_trees,) times as large, without the last ones of factor 0."""
    n_trees = max(int(np.count_nonzero(factors)), 1)
    weighted = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=n_trees))
    for number, tree in enumerate(weighted.dump_model()["tree_info"]):
        for leaf, value in _leaves(tree["tree_structure"]).items():
            weighted.set_leaf_output(number, leaf, value * factors[number])
    return weighted


def model_text(booster: lightgbm.Booster) -> str:
    """LightGBM's text format, up to the best tree."""
    text: str = booster.model_to_string(num_iteration=booster.best_iteration)
    return text


def threads_for(n_rows: int) -> int:
    """One thread for a small table, where starting others costs more than they save; 0 leaves it to LightGBM."""
    return 1 if n_rows < _SMALL_TABLE else 0


def _gains(*parts: RankerRows) -> list[float]:
    """The gain of each relevance grade, increasing: 0, and every gain that a row has."""
    gains: list[float] = np.unique(np.concatenate([[0.0], *(rows.gains for rows in parts)])).tolist()
    return gains


def _grades(rows: RankerRows, gains: Sequence[float]) -> NDArray[np.int32]:
    """(n_rows,) LightGBM's labels, the grades: the index of each row's gain in `gains`."""
    return np.searchsorted(gains, rows.gains).astype(np.int32)


def _weights(rows: RankerRows) -> NDArray[np.float64] | None:
    """(n_rows,) how much each row's request counts; None where all count alike.

    Gains alone cannot say that: where a request wanted one item, ndcg divides by the gain of that item.
    """
    shares = rows.request_shares
    return None if np.ptp(shares) == 0 else np.repeat(shares, rows.sizes)


def _leaves(node: Mapping[str, Any]) -> dict[int, float]:
    """Values of a tree's leaves."""
    if "leaf_value" in node:
        return {node.get("leaf_index", 0): node["leaf_value"]}  # a tree of one leaf does not number it
    return _leaves(node["left_child"]) | _leaves(node["right_child"])


def _monotone_leaves(node: Mapping[str, Any], monotone: Sequence[int]) -> dict[int, float]:
    """`_leaves`, with those that go against `monotone` (see `Columns`) moved to the middle between the two sides of
    their split."""
    if "leaf_value" in node:
        return _leaves(node)
    lower, upper = (_monotone_leaves(node[side], monotone) for side in ("left_child", "right_child"))
    constraint = monotone[node["split_feature"]]
    if constraint < 0:
        lower, upper = upper, lower
    middle = (max(lower.values()) + min(upper.values())) / 2
    if constraint and max(lower.values()) > middle:
        lower = {leaf: min(value, middle) for leaf, value in lower.items()}
        upper = {leaf: max(value, middle) for leaf, value in upper.items()}
    return lower | upper


def _dataset(
    rows: RankerRows,
    columns: Columns,
    gains: Sequence[float],
    parameters: dict[str, object],
    reference: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        rows.table,
        label=_grades(rows, gains),
        weight=_weights(rows),
        group=rows.sizes,
        feature_name=list(columns.names),
        params=parameters,
        reference=reference,
        free_raw_data=True,
    )
