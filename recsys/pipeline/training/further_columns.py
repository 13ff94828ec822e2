"""Features of further item columns, such as an author or a size."""

import re

import polars as pl

from features.configured import configured
from features.further_columns import LineColumns, label_columns, line_columns, quantity_columns, reference_columns
from recsys.config import ExtraFeature, FeaturesConfig
from recsys.data.catalogue import ItemCatalogue
from recsys.data.groups.membership import members_of, names_values
from recsys.data.groups.paths import depth
from recsys.progress import Progress

_POPULARITY, _STEP, _REPLACED, _NAMED = "GroupPopularity", "UserLineStep", "ItemReplaced", "UserNamedShare"
_SHARE, _DISTANCE, _QUANTITY_STEP = "UserLabelShare", "UserQuantityDistance", "UserQuantityStep"
"""The kinds that read them."""

_KNOWN_PATHS = ("category", "brand")
"""Columns of a place of their own whose values may be paths; whole values have features of their own."""

_MOST_LEVELS = 3
"""Levels of paths that are compared, the widest first."""

_MOST = 8
"""Most features that are declared by themselves; `features.extra` may name more."""

_MOST_OF_WORTH = 3
"""The same of those that tell what the acts on items with the value are worth."""

_MOST_QUANTITY_STEPS = 3
"""The same of those that tell whether a number is above those of the newest acts, or below."""

_MOST_POPULARITIES = 3
"""The same of those that tell how wanted the items with a value are."""

_LEAST_DATES = 2
"""Different dates that items must have, more than: with one, or none, nothing tells when an item came."""

_LEAST_COVERAGE = 0.1
"""Share of the items that must have a value."""

_LEAST_SHARED = 2.0
"""Items that must have a value in common, on average: a column of ids or links tells nothing of a taste."""


def with_further_columns(
    config: FeaturesConfig, catalogue: ItemCatalogue, progress: Progress, *, of_worth: bool = False
) -> FeaturesConfig:
    """The config with a feature for each further item column by which tastes may differ.

    Columns that `features.extra` names are left as they are declared there; what `features.exclude` names stays out.

    Args:
        of_worth: whether acts differ in worth, so that shares of the worth say more than shares of the number of acts.
    """
    frame = catalogue.frame
    named = {argument for extra in config.extra for argument in extra.arguments.values()}
    lines = [columns for columns in line_columns(frame) if named.isdisjoint(columns)]
    dated = "created_at" in frame.columns and frame["created_at"].n_unique() > _LEAST_DATES
    steps = [_step(columns) for columns in lines] + [_replaced(columns) for columns in lines if dated]
    paths = [name for name in _KNOWN_PATHS if name in frame.columns and name not in named]
    levels = (
        _level(name, level)
        for name in paths
        for level in range(1, min(depth(frame[name]), _MOST_LEVELS + 1))
        if _may_tell(frame, name, _SHARE, level)
    )
    named_shares = (_named(name) for name in reference_columns(frame) if name not in named)
    features = {feature.name: feature for feature in (*steps, *named_shares, *levels)} | {
        feature.name: feature
        for kind, columns in ((_SHARE, label_columns(frame)), (_DISTANCE, quantity_columns(frame)))
        for column in columns
        if column not in named and _may_tell(frame, column, kind)
        for feature in (_feature(column, kind),)
    }
    labels = [name for name in label_columns(frame) if name not in named and _may_tell(frame, name, _SHARE)]
    worths = {feature.name: feature for feature in map(_worth, labels if of_worth else ())}
    quantities = [name for name in quantity_columns(frame) if name not in named and _may_tell(frame, name, _DISTANCE)]
    upward = {feature.name: feature for feature in map(_quantity_step, quantities)}
    groups = [name for name in labels if names_values(frame[name])]
    popularities = {feature.name: feature for feature in map(_popularity, groups)}
    taken = {feature.name for feature in configured(config.model_copy(update={"exclude": ()}))}
    found = [
        *[feature for name, feature in features.items() if name not in taken][:_MOST],
        *[feature for name, feature in worths.items() if name not in taken][:_MOST_OF_WORTH],
        *[feature for name, feature in upward.items() if name not in taken][:_MOST_QUANTITY_STEPS],
        *[feature for name, feature in popularities.items() if name not in taken][:_MOST_POPULARITIES],
    ]
    if not found:
        return config
    if seen := [feature.name for feature in found if feature.name not in config.exclude]:
        progress(f"the ranker also sees further columns of the items: {', '.join(seen)}")
    return config.model_copy(update={"extra": (*config.extra, *found)})


def _may_tell(frame: pl.DataFrame, column: str, kind: str, level: int | None = None) -> bool:
    """Whether enough items have a value, of paths at some level, and there is something to compare."""
    values = frame[column]
    if 1 - values.null_count() / len(values) < _LEAST_COVERAGE:
        return False
    if kind == _DISTANCE:
        return values.drop_nulls().n_unique() > 1
    members = members_of(values, frame["item_id"], level)
    return members is not None and members.shape[1] > 1 and members.nnz >= _LEAST_SHARED * members.shape[1]


def _named(column: str) -> ExtraFeature:
    return ExtraFeature(
        name=f"user_{_slug(column)}_named",
        kind=_NAMED,
        arguments={"column": column},
        meaning=f"share of the items that the candidate names in {column} that the user acted on",
    )


def _level(column: str, level: int) -> ExtraFeature:
    return ExtraFeature(
        name=f"user_{column}_level_{level}_share",
        kind=_SHARE,
        arguments={"column": column, "level": level},
        meaning=f"share of the history in what the candidate's {column} lies in at level {level}",
    )


def _step(columns: LineColumns) -> ExtraFeature:
    label, number, part = columns
    return ExtraFeature(
        name=f"user_{_slug(label)}_{_slug(number)}_step",
        kind=_STEP,
        arguments={"column": label, "number": number, **({"part": part} if part else {})},
        meaning=f"places behind the furthest item of the history with the candidate's {label}, by "
        f"{f'{part} and {number}' if part else number}",
    )


def _replaced(columns: LineColumns) -> ExtraFeature:
    label, number, part = columns
    return ExtraFeature(
        name=f"{_slug(label)}_{_slug(number)}_replaced",
        kind=_REPLACED,
        arguments={"column": label, "number": number, **({"part": part} if part else {})},
        meaning=f"days since an item with the candidate's {label} came that stands behind it",
    )


def _quantity_step(column: str) -> ExtraFeature:
    return ExtraFeature(
        name=f"user_{_slug(column)}_above",
        kind=_QUANTITY_STEP,
        arguments={"column": column},
        meaning=f"how far the candidate's {column} is above that of the newest events",
    )


def _worth(column: str) -> ExtraFeature:
    return ExtraFeature(
        name=f"user_{_slug(column)}_worth",
        kind=_SHARE,
        arguments={"column": column, "of": "worth"},
        meaning=f"share of what the history is worth with the candidate's {column}",
    )


def _popularity(column: str) -> ExtraFeature:
    return ExtraFeature(
        name=f"{_slug(column)}_popularity",
        kind=_POPULARITY,
        arguments={"column": column},
        meaning=f"how wanted the items with the candidate's {column} are",
    )


def _slug(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "column"


def _feature(column: str, kind: str) -> ExtraFeature:
    slug = _slug(column)
    name, meaning = (
        (f"user_{slug}_share", f"share of the history with the candidate's {column}")
        if kind == _SHARE
        else (f"user_{slug}_distance", f"how far the candidate's {column} is from that of the newest events")
    )
    return ExtraFeature(name=name, kind=kind, arguments={"column": column}, meaning=meaning)
