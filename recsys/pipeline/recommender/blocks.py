"""Requests in numbers: whose history, which rules, what may be listed."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.arrays.ragged import offsets_of
from recsys.config import Config, PolicyConfig
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.history import HistoryBatch
from recsys.data.requests.request import Request
from recsys.errors import ConfigError
from recsys.pipeline.candidates.request_block import RequestBlock, RequestContexts
from recsys.pipeline.ranking.rules import PolicyInputs, overridden, policy_of
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.policy.policy import Policy


def block_of(requests: Sequence[Request], contexts: RequestContexts, scoring: Scoring, bundle: Bundle) -> RequestBlock:
    """Requests as they are ranked.

    Args:
        contexts: of the same requests.
        scoring: with the current items and events.
        bundle: whose configuration holds where a request says nothing.

    Raises:
        DataError, ConfigError: a filter, policy key or query of a request is invalid.
    """
    items, config = scoring.catalogue.vocabulary, bundle.config
    stored = scoring.histories(contexts.users, contexts.now)
    everything = _with_given(stored, requests, items, bundle.typical_weight)
    policies = tuple(
        _policy(request, everything.items[start:end], int(moment), scoring, config)
        for request, start, end, moment in zip(
            requests, everything.offsets[:-1], everything.offsets[1:], contexts.now, strict=True
        )
    )
    only = tuple(None if r.candidates is None else _known(items.numbers(r.candidates)) for r in requests)
    block = scoring.block(contexts, everything, policies, config.data.max_history)
    return replace(block, only=only, queries=_queries(requests))


def unknown_candidates(request: Request, items: Vocabulary) -> tuple[str, ...]:
    """Item ids that a request wants ranked and the catalogue lacks."""
    return tuple(item for item in request.candidates or () if item not in items)


def _policy(request: Request, seen: NDArray[np.int32], now: int, scoring: Scoring, config: Config) -> Policy:
    rules = _rules(request, config.policy)
    inputs = PolicyInputs(
        now,
        seen,
        exclude=scoring.catalogue.vocabulary.numbers(request.exclude),
        filters=request.filters,
        shown=request.shown,
        random=_random(request) if rules.exploration else None,
    )
    return policy_of(rules, inputs, scoring.catalogue, scoring.vectors, scoring.positive_counts)


def _rules(request: Request, usual: PolicyConfig) -> PolicyConfig:
    rules = overridden(usual, request.policy)
    decided = {key: getattr(usual, key) for key in ("seen", "discovery") if getattr(rules, key) == "auto"}
    if request.candidates is not None and request.policy.get("seen", "auto") == "auto":
        decided["seen"] = "keep"  # the caller has chosen what to rank, and does not ask for anything else
    return rules.model_copy(update=decided) if decided else rules


def _with_given(
    stored: HistoryBatch, requests: Sequence[Request], vocabulary: Vocabulary, weight: float
) -> HistoryBatch:
    """Histories that the requests give in place of the stored ones, each event of the same weight."""
    given = [None if request.history is None else vocabulary.numbers(request.history) for request in requests]
    if all(numbers is None for numbers in given):
        return stored
    known = [np.zeros(0, dtype=np.int32) if numbers is None else _known(numbers) for numbers in given]
    own = HistoryBatch.of_ids(
        offsets_of([len(numbers) for numbers in known]), np.concatenate(known), weight, stored.now
    )
    return own if not len(stored.items) else HistoryBatch.joined(stored, own)


def _known(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    return numbers[numbers >= 0]


def _random(request: Request) -> np.random.Generator:
    """A generator seeded by the request_id, so that a repeated request gets the same draws; unseeded without one."""
    digest = hashlib.sha256(request.request_id.encode()).digest() if request.request_id else None
    return np.random.default_rng(None if digest is None else int.from_bytes(digest[:8], "little"))


def _queries(requests: Sequence[Request]) -> list[str | None] | None:
    """Free text of each request.

    Raises:
        ConfigError: `query` is no text.
    """
    queries = [request.context.get("query") for request in requests]
    for query in queries:
        if query is not None and not isinstance(query, str):
            raise ConfigError(f"context.query must be text, not {type(query).__name__}", loc=("context", "query"))
    asked = [query if query and any(map(_is_visible, query)) else None for query in queries]
    return asked if any(asked) else None


def _is_visible(letter: str) -> bool:
    """Whether a character is neither space nor control character: an empty search box sends spaces."""
    return letter.isprintable() and not letter.isspace()
