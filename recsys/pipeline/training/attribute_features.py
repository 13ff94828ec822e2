"""Features of item attributes, such as an author or a size."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import polars as pl
import scipy.sparse as sp

from features.attribute_kinds import label_columns, quantity_columns, reference_columns
from features.attributes import alike_in
from features.configured import configured
from features.lines import LineColumns, line_columns
from recsys.config import ExtraFeature, FeaturesConfig
from recsys.data.groups.membership import members_of, names_values
from recsys.data.groups.paths import depth
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.training.returns import columns_of_returns
from recsys.progress import Progress

_STANDARD = ("category", "brand")
"""Columns with a meaning of their own: here only the levels of their paths are compared, and whether they are due,
because there are features of the whole values already."""

_MOST_LEVELS = 3
"""Levels of paths that are compared, the widest first."""

_MOST = 8
"""Most features that are declared automatically; `features.extra` may name more."""

_MOST_WEIGHT_SHARES = 3
"""The same for features of the weight of the acts on items with the value."""

_MOST_QUANTITY_STEPS = 3
"""The same for features that say whether a number is above those of the newest acts, or below."""

_MOST_POPULARITIES = 3
"""The same for features that say how wanted the items with a value are."""

_MOST_DUES = 3
"""The same for features that say whether a value is due."""

_LEAST_DATES = 2
"""Items must have more different dates than this, where no date counts as one: a single date for all says nothing of
when an item came."""

_LEAST_COVERAGE = 0.1
"""Share of the items that must have a value."""

_LEAST_SHARED = 2.0
"""Items that must have a value in common, on average: a column of ids or links says nothing of a taste."""


def with_attribute_features(
    config: FeaturesConfig,
    catalogue: ItemCatalogue,
    log: InteractionLog,
    progress: Progress,
    *,
    has_unequal_weights: bool,
) -> FeaturesConfig:
    """The config with a feature for each attribute of items by which tastes may differ.

    Columns that `features.extra` names are left as they are declared there; what `features.exclude` names stays out.

    Args:
        log: already cut in time; it shows which values users come back to at even intervals.
        has_unequal_weights: whether acts differ in weight, so that shares of the weight say more than shares of the
            number of acts.
    """
    columns = _ComparedColumns.of(
        catalogue.frame, {name for extra in config.extra for name in extra.arguments.values()}
    )
    taken = {feature.name for feature in configured(config.model_copy(update={"exclude": ()}))}
    families = (
        (_comparisons(columns), _MOST),
        (map(_weight_share, columns.labels if has_unequal_weights else ()), _MOST_WEIGHT_SHARES),
        (map(_quantity_step, columns.quantities), _MOST_QUANTITY_STEPS),
        (map(_popularity, columns.names), _MOST_POPULARITIES),
        (map(_due, columns_of_returns(catalogue, log, [*columns.standard, *columns.labels])), _MOST_DUES),
        (map(_alike, columns.repeated), 1),
    )
    found = [feature for features, most in families for feature in _first(features, taken, most)]
    if not found:
        return config
    if seen := [feature.name for feature in found if feature.name not in config.exclude]:
        progress(f"the ranker also sees attributes of the items: {', '.join(seen)}")
    return config.model_copy(update={"extra": (*config.extra, *found)})


@dataclass(frozen=True)
class _ComparedColumns:
    """The columns of a catalogue by which tastes may differ, by what can be compared.

    Attributes:
        labels, names: attributes with values that several items share; those of them that say by name what items are.
        quantities, references: attributes with numbers; with ids of other items.
        lines: columns that make lines of items, such as series and volume.
        standard, levels: `category` and `brand`, where items share their values; levels of their paths, likewise.
        repeated: all columns that describe an item, if several items agree in all of them; else empty.
        dated: whether it is known when items came.
    """

    labels: list[str]
    names: list[str]
    quantities: list[str]
    references: list[str]
    lines: list[LineColumns]
    standard: list[str]
    levels: list[tuple[str, int]]
    repeated: list[tuple[str, ...]]
    dated: bool

    @classmethod
    def of(cls, frame: pl.DataFrame, named: Collection[object]) -> Self:
        """Those that `features.extra` does not name."""
        labels = [name for name in label_columns(frame) if name not in named and _has_shared_values(frame, name)]
        standard = [name for name in _STANDARD if name in frame.columns]
        unnamed = [name for name in standard if name not in named]
        described = ("title", *standard, *labels)
        return cls(
            labels=labels,
            names=[name for name in labels if names_values(frame[name])],
            quantities=[
                name for name in quantity_columns(frame) if name not in named and _has_differing_numbers(frame, name)
            ],
            references=[name for name in reference_columns(frame) if name not in named],
            lines=[columns for columns in line_columns(frame) if not any(name in named for name in columns)],
            standard=[name for name in unnamed if _has_shared_values(frame, name)],
            levels=[
                (name, level)
                for name in unnamed
                for level in range(1, min(depth(frame[name]), _MOST_LEVELS + 1))
                if _has_shared_values(frame, name, level)
            ],
            repeated=[described] if described not in named and _are_shared(alike_in(frame, described)) else [],
            dated="created_at" in frame.columns and frame["created_at"].n_unique() > _LEAST_DATES,
        )


def _comparisons(columns: _ComparedColumns) -> Iterator[ExtraFeature]:
    """Features that compare the candidate with the history, the most specific first."""
    yield from map(_step, columns.lines)
    yield from map(_replaced, columns.lines if columns.dated else ())
    yield from map(_named, columns.references)
    yield from (_level(name, level) for name, level in columns.levels)
    yield from map(_share, columns.labels)
    yield from map(_distance, columns.quantities)


def _first(features: Iterable[ExtraFeature], taken: Collection[str], most: int) -> list[ExtraFeature]:
    """The first `most` features whose names are not taken."""
    by_name = {feature.name: feature for feature in features}
    return [feature for name, feature in by_name.items() if name not in taken][:most]


def _is_covered(frame: pl.DataFrame, column: str) -> bool:
    """Whether enough items have a value."""
    return 1 - frame[column].null_count() / len(frame) >= _LEAST_COVERAGE


def _has_shared_values(frame: pl.DataFrame, column: str, level: int | None = None) -> bool:
    """Whether enough items have a value (of paths: at this level), and enough of these share it with others."""
    members = members_of(frame[column], frame["item_id"], level) if _is_covered(frame, column) else None
    return members is not None and _are_shared(members)


def _are_shared(members: sp.csr_matrix) -> bool:
    """Whether there are several groups of items, and these have several items each on average."""
    return bool(members.shape[1] > 1 and members.nnz >= _LEAST_SHARED * members.shape[1])


def _has_differing_numbers(frame: pl.DataFrame, column: str) -> bool:
    """Whether enough items have a number, and not all the same."""
    return _is_covered(frame, column) and frame[column].drop_nulls().n_unique() > 1


def _named(column: str) -> ExtraFeature:
    meaning = f"share of the items that the candidate names in {column} that the user acted on"
    return _extra(f"user_{slug(column)}_named", "UserNamedShare", meaning, column=column)


def _level(column: str, level: int) -> ExtraFeature:
    meaning = f"share of the history in what the candidate's {column} lies in at level {level}"
    return _extra(f"user_{column}_level_{level}_share", "UserLabelShare", meaning, column=column, level=level)


def _share(column: str) -> ExtraFeature:
    meaning = f"share of the history with the candidate's {column}"
    return _extra(f"user_{slug(column)}_share", "UserLabelShare", meaning, column=column)


def _weight_share(column: str) -> ExtraFeature:
    meaning = f"share of the history's weight with the candidate's {column}"
    return _extra(f"user_{slug(column)}_worth", "UserLabelShare", meaning, column=column, of="worth")


def _distance(column: str) -> ExtraFeature:
    meaning = f"how far the candidate's {column} is from that of the newest events"
    return _extra(f"user_{slug(column)}_distance", "UserQuantityDistance", meaning, column=column)


def _quantity_step(column: str) -> ExtraFeature:
    meaning = f"how far the candidate's {column} is above that of the newest events"
    return _extra(f"user_{slug(column)}_above", "UserQuantityStep", meaning, column=column)


def _popularity(column: str) -> ExtraFeature:
    meaning = f"how wanted the items with the candidate's {column} are"
    return _extra(f"{slug(column)}_popularity", "GroupPopularity", meaning, column=column)


def _due(column: str) -> ExtraFeature:
    meaning = f"time since the history's newest item with the candidate's {column}, over the usual time between two"
    return _extra(f"user_{slug(column)}_due", "UserLabelDue", meaning, column=column)


def _alike(columns: tuple[str, ...]) -> ExtraFeature:
    meaning = f"share of the history with the same {', '.join(columns)} as the candidate"
    return _extra("user_alike_share", "UserAlikeShare", meaning, columns=columns)


def _step(columns: LineColumns) -> ExtraFeature:
    label, number, part = columns
    order = f"{part} and {number}" if part else number
    meaning = f"positions behind the furthest item of the history with the candidate's {label}, by {order}"
    return _extra(f"user_{slug(label)}_{slug(number)}_step", "UserLineStep", meaning, **_arguments_of(columns))


def _replaced(columns: LineColumns) -> ExtraFeature:
    meaning = f"days since an item with the candidate's {columns.label} came that stands behind it"
    name = f"{slug(columns.label)}_{slug(columns.number)}_replaced"
    return _extra(name, "ItemReplaced", meaning, **_arguments_of(columns))


def _arguments_of(columns: LineColumns) -> dict[str, str]:
    label, number, part = columns
    return {"column": label, "number": number, **({"part": part} if part else {})}


def _extra(name: str, kind: str, meaning: str, **arguments: str | int | tuple[str, ...]) -> ExtraFeature:
    return ExtraFeature(name=name, kind=kind, arguments=arguments, meaning=meaning)


def slug(name: str) -> str:
    """A name as a part of the names of features."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "column"
