"""Features of each kind of act: that somebody wants a book says more than that something was done with it."""

import numpy as np

from features.configured import configured
from recsys.config import ExtraFeature, FeaturesConfig
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.training.attribute_features import slug
from recsys.progress import Progress

_LEAST = 0.01
"""Share of the acts that must be of a kind."""

_MOST = 4
"""Most kinds of acts that are told apart, the most frequent ones."""


def with_event_columns(config: FeaturesConfig, log: InteractionLog, progress: Progress) -> FeaturesConfig:
    """The config with a feature for each frequent kind of act, if there are several: how long ago its user did that
    with the candidate. Weights do not tell a loan from a hold, or one bought from one sent back.

    What `features.exclude` names stays out.
    """
    counts = np.bincount(log.events[~log.is_impression], minlength=len(log.event_names))
    frequent = np.flatnonzero(counts >= max(_LEAST * counts.sum(), 1))
    if len(frequent) < 2:
        return config
    most = frequent[np.argsort(-counts[frequent], kind="stable")][:_MOST]
    taken = {feature.name for feature in configured(config.model_copy(update={"exclude": ()}))}
    declared = {feature.name: feature for feature in (_since(log.event_names[kind]) for kind in sorted(most))}
    found = [feature for name, feature in declared.items() if name not in taken]
    if seen := [feature.name for feature in found if feature.name not in config.exclude]:
        progress(f"the ranker tells kinds of acts apart: {', '.join(seen)}")
    return config.model_copy(update={"extra": (*config.extra, *found)})


def _since(event: str) -> ExtraFeature:
    return ExtraFeature(
        name=f"user_item_{slug(event)}_days",
        kind="UserItemSinceEvent",
        arguments={"event": event},
        meaning=f"days since the user's newest {event} of this very item",
    )
