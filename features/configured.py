"""The features of a config: those of this release and those of its own, without what it excludes."""

import difflib
from collections.abc import Sequence
from dataclasses import fields
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from features.declarations import FEATURES, Feature
from features.kinds import KINDS
from features.kinds.base import Kind
from features.state import Counted
from recsys.config import ExtraFeature, FeaturesConfig
from recsys.errors import ConfigError

_EVENT_ARGUMENTS = ("counted", "wanted", "per", "event")
"""Arguments of kinds that name events."""


def configured(config: FeaturesConfig) -> tuple[Feature, ...]:
    """All features of a config in the order of the columns, before sources and groups are looked at.

    Raises:
        ConfigError: an excluded feature or a kind does not exist (the nearest one is named), a name is taken, or the
            arguments are not those of the kind or would reach the request's own moment, or no feature is left.
    """
    features = [*FEATURES, *(declare(extra) for extra in config.extra)]
    names = [feature.name for feature in features]
    for name in names[len(FEATURES) :]:
        if names.count(name) > 1:
            raise ConfigError(f"features.extra: there is a feature {name!r} already; choose another name")
    for name in config.exclude:
        if name not in names:
            raise ConfigError(
                f"features.exclude: there is no feature {name!r}; the nearest is {_nearest(name, names)!r}"
            )
    left = tuple(feature for feature in features if feature.name not in config.exclude)
    if not any(feature.group in config.groups for feature in left):
        raise ConfigError("features.exclude: it leaves the ranker no feature; take names out of it, or add to groups")
    return left


def declare(extra: ExtraFeature) -> Feature:
    """Make one feature that a config declares.

    Raises:
        ConfigError: see `configured`.
    """
    where = f"features.extra, {extra.name!r}"
    kinds: dict[str, type[Kind]] = {kind.__name__: kind for kind in KINDS}
    if extra.kind not in kinds:
        nearest = _nearest(extra.kind, list(kinds))
        raise ConfigError(f"{where}: there is no kind {extra.kind!r}; the nearest is {nearest!r}")
    known = [field.name for field in fields(kinds[extra.kind])]  # type: ignore[arg-type]
    for argument in extra.arguments:
        if argument not in known:
            raise ConfigError(f"{where}: arguments of {extra.kind}: no {argument!r}; it takes {', '.join(known)}")
    try:
        kind = TypeAdapter(kinds[extra.kind]).validate_python(extra.arguments)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"{where}: arguments of {extra.kind}: {problems}") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return Feature(extra.name, extra.group, kind, extra.meaning)


def events_not_in_log(config: FeaturesConfig, event_names: Sequence[str]) -> list[str]:
    """A sentence for each feature of the config that counts events which the log does not have."""
    known = (*get_args(Counted), "impression", *event_names)
    return [
        f"features.extra, {extra.name!r}: the log has no event {name!r}; its events are {', '.join(event_names)}"
        for extra in config.extra
        for argument in _EVENT_ARGUMENTS
        if isinstance(name := extra.arguments.get(argument), str) and name not in known
    ]


def _nearest(name: str, names: Sequence[str]) -> str:
    return difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
