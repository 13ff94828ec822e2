"""The policy of one list: the configured rules, and what the request adds to them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from recsys.config import PolicyConfig
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.repeats import chosen_again, often_come_back, repeat_share
from recsys.errors import ConfigError, DataError
from recsys.moments import DAY
from recsys.policy.boosts import Boost
from recsys.policy.discovery import Discovery
from recsys.policy.diversity import Diversity
from recsys.policy.exploration import Exploration
from recsys.policy.filters import Filters, items_that_meet
from recsys.policy.pins import Pins
from recsys.policy.policy import Policy
from recsys.policy.shares import Cap, Floor
from recsys.policy.steps import Available, Exclude, Seen, Step

_HABIT = 0.1
"""If users knew at least this share of what they wanted (see `repeat_share`), wanting it again is a habit."""

PositiveCounts = Callable[[NDArray[np.int32], NDArray[np.int64]], NDArray[np.float32]]
"""(n,) item numbers, (n,) moments in microseconds -> (n,) number of positive events of each item before the
moment."""


def resolve_seen(config: PolicyConfig, log: InteractionLog) -> PolicyConfig:
    """`auto` becomes `keep` where people want what they know, as in a grocery, where parts wear out, or between a view
    and a purchase, else `exclude`."""
    if config.seen != "auto":
        return config
    wanted = repeat_share(log) >= _HABIT or often_come_back(log) or chosen_again(log)
    return config.model_copy(update={"seen": "keep" if wanted else "exclude"})


def check_rules(config: PolicyConfig, catalogue: ItemCatalogue) -> None:
    """Check, before a training, that the rules of the config can be applied to lists of this catalogue.

    Raises:
        ConfigError: boosts, caps or quotas name a column that the catalogue lacks, or compare unlike types.
    """
    items = np.arange(min(len(catalogue), 2), dtype=np.int32)
    for name in ("boosts", "caps", "quotas"):
        own = PolicyConfig(seen="keep", discovery=0.0).model_copy(update={name: getattr(config, name)})
        try:
            policy = policy_of(own, PolicyInputs(now=0, seen=items[:0]), catalogue)
            policy.arrange(items, np.zeros(len(items), dtype=np.float32), 1)
        except DataError as error:
            key = "" if str(error).startswith(f"policy.{name}") else f"policy.{name}: "
            raise ConfigError(f"{key}{error}") from error


def idle_rules(config: PolicyConfig, catalogue: ItemCatalogue) -> Iterator[str]:
    """A sentence for each rule of the config that concerns no item, because a misspelt id or value would go unnoticed.

    Args:
        config: checked by `check_rules`.
    """
    items = np.arange(len(catalogue), dtype=np.int32)
    conditions = [(f"policy.{key}", rule.where) for key in ("boosts", "quotas") for rule in getattr(config, key)]
    for key, where in conditions:
        if not items_that_meet(where, catalogue, items).any():
            yield f"{key}: no item meets {dict(where)}; is it misspelt?"
    for item in config.pins:
        if item not in catalogue.vocabulary:
            yield f"policy.pins: the catalogue has no item {item!r}; is it misspelt?"


@dataclass(frozen=True)
class PolicyInputs:
    """What the policy of one list depends on beside the configuration.

    Attributes:
        now: the moment of the request, microseconds.
        seen: item numbers of the user's history.
        exclude: item numbers that must not appear.
        filters: conditions on item columns.
        shown: positions on earlier pages of the list, which pins count too.
        random: for exploration; None leaves exploration out.
        past: whether the list was asked for in the past: what is not available today may have been available then.
    """

    now: int
    seen: NDArray[np.int32]
    exclude: NDArray[np.int32] | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    shown: int = 0
    random: np.random.Generator | None = None
    past: bool = False


def policy_of(
    config: PolicyConfig,
    inputs: PolicyInputs,
    catalogue: ItemCatalogue,
    vectors: NDArray[np.float32] | None = None,
    positive_counts: PositiveCounts | None = None,
) -> Policy:
    """The ordered steps of one list.

    Args:
        config: with `seen` and `discovery` resolved.
        inputs: of the request.
        catalogue: the items.
        vectors: (n_items, dim) unit vectors for diversity; None leaves diversity out.
        positive_counts: for discovery; None leaves discovery out.
    """
    if config.seen == "auto":
        raise ConfigError("policy.seen is 'auto', which only training can resolve; name exclude, demote or keep")
    if config.discovery == "auto":
        raise ConfigError("policy.discovery is 'auto', which only training can resolve; give a number from 0 to 1")
    now = inputs.now
    steps: list[Step] = [] if inputs.past else [Available()]
    steps.append(Seen(config.seen, inputs.seen))
    if inputs.exclude is not None and len(inputs.exclude):
        steps.append(Exclude(inputs.exclude))
    if inputs.filters:
        steps.append(Filters(inputs.filters))
    steps += [Boost(rule.where, rule.add, catalogue) for rule in config.boosts]
    if config.discovery and positive_counts is not None:
        steps.append(Discovery(config.discovery, lambda items: positive_counts(items, np.full(len(items), now))))
    if config.diversity and vectors is not None:
        steps.append(Diversity(config.diversity, vectors))
    # Before caps and floors, which count pinned items and leave them in place; after diversity, which would move them.
    pins = {item: rank - inputs.shown for item, rank in config.pins.items() if rank > inputs.shown}
    if pins:
        numbers = catalogue.vocabulary.numbers(list(pins))
        steps.append(Pins(numbers, np.array(list(pins.values()), dtype=np.int64)))
    steps += [Cap(column, most, catalogue) for column, most in config.caps.items()]
    for rule in config.quotas:
        steps.append(Floor("quota", rule.at_least, partial(items_that_meet, rule.where, catalogue)))
    if config.fresh:
        steps.append(Floor("fresh", config.fresh, partial(_fresh, catalogue, now - int(config.fresh_days * DAY))))
    if config.exploration and inputs.random is not None:
        steps.append(Exploration(config.exploration, config.explored_places, inputs.random))
    return Policy(tuple(steps))


def _fresh(catalogue: ItemCatalogue, since: int, items: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(n,) True for items created at or after a moment (microseconds); one of unknown age is not fresh."""
    created = catalogue.frame["created_at"].gather(items).dt.timestamp("us")
    return (created >= since).fill_null(False).to_numpy()


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
        key = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(
            f"policy.{key}: {problem['msg']}; known are {', '.join(PolicyConfig.model_fields)}",
            loc=("policy", *problem["loc"]),
        ) from error
