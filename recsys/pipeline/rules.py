"""The policy of one list: the configured rules, and what the request adds to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from recsys.config import PolicyConfig
from recsys.data.interactions import InteractionLog
from recsys.data.summary import repeat_share
from recsys.errors import ConfigError
from recsys.policy.diversity import Diversity
from recsys.policy.filters import Filters
from recsys.policy.policy import Policy
from recsys.policy.steps import Available, Exclude, Seen, Step

_HABIT = 0.1
"""Share of events on an item that the user had acted on before, from which on people are held to come back to items."""


def resolve_seen(config: PolicyConfig, log: InteractionLog) -> PolicyConfig:
    """`auto` becomes `keep` where people come back to the same items, as in a grocery, else `exclude`."""
    if config.seen != "auto":
        return config
    return config.model_copy(update={"seen": "keep" if repeat_share(log.positive()) >= _HABIT else "exclude"})


def policy_of(
    config: PolicyConfig,
    seen: NDArray[np.int32],
    vectors: NDArray[np.float32] | None,
    exclude: NDArray[np.int32] | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Policy:
    """The ordered steps of one list.

    Args:
        config: with `seen` resolved.
        seen: item numbers of the user's history.
        vectors: (n_items, dim) unit vectors for diversity; None leaves diversity out.
        exclude: item numbers that must not appear.
        filters: conditions on item columns.
    """
    if config.seen == "auto":
        raise ConfigError("policy.seen is 'auto', which only training can resolve; name exclude, demote or keep")
    steps: list[Step] = [Available(), Seen(config.seen, seen)]
    if exclude is not None and len(exclude):
        steps.append(Exclude(exclude))
    if filters:
        steps.append(Filters(filters))
    if config.diversity and vectors is not None:
        steps.append(Diversity(config.diversity, vectors))
    return Policy(tuple(steps))


def overridden(config: PolicyConfig, changes: Mapping[str, Any]) -> PolicyConfig:
    """The policy with the keys that a request changes for its own list.

    Raises:
        ConfigError: a key does not exist or a value is wrong.
    """
    if not changes:
        return config
    try:
        return PolicyConfig.model_validate({**config.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(
            f"policy.{place}: {problem['msg']}; known are {', '.join(PolicyConfig.model_fields)}"
        ) from error
