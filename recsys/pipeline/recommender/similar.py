"""Items like a given one, by what they say or by what people do with them."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.pipeline.candidates.merging import reciprocal_ranks
from recsys.pipeline.ranking.scoring import Scoring

SimilarityKind = Literal["text", "collaborative", "both"]
"""`both` is what the version has of the two."""

_LACKING: dict[SimilarityKind, str] = {
    "text": "this version was trained without text; ask by=collaborative",
    "collaborative": "this version was trained without neighbours and transitions; ask by=text",
    "both": "this version was trained without text, neighbours and transitions, and knows of no similar items",
}

_DEPTH = 200
"""Items of each kind of similarity that are merged."""


def similarities(scoring: Scoring, item: int, by: SimilarityKind) -> NDArray[np.float32]:
    """(n_items,) how alike each item is to `item`, higher is more; -inf for the item itself and for unrelated ones.

    Raises:
        ConfigError: the version has no such similarity, or `by` is none of text, collaborative, both.
    """
    if by not in get_args(SimilarityKind):
        raise ConfigError(f"by={by!r}: write one of {', '.join(get_args(SimilarityKind))}")
    kinds = {"text": [_by_text], "collaborative": [_by_behaviour], "both": [_by_text, _by_behaviour]}[by]
    parts = [part for kind in kinds if (part := kind(scoring, item)) is not None]
    if not parts:
        raise ConfigError(_LACKING[by])
    if by != "both":
        scores = parts[0]
    else:
        scores = np.zeros(len(scoring.catalogue), dtype=np.float32)
        for part in parts:
            best = np.argsort(-part, kind="stable")[:_DEPTH]
            best = best[part[best] > 0]
            scores[best] += reciprocal_ranks(len(best))
    scores = np.where((scores > 0) & scoring.catalogue.available, scores, -np.inf).astype(np.float32)
    scores[item] = -np.inf
    return scores


def _by_text(scoring: Scoring, item: int) -> NDArray[np.float32] | None:
    if scoring.sources.interest is None:
        return None
    vectors = scoring.sources.interest.base_vectors
    return np.asarray(vectors @ vectors[item])


def _by_behaviour(scoring: Scoring, item: int) -> NDArray[np.float32] | None:
    links = scoring.facts.links.get("neighbours", scoring.facts.links.get("transitions"))
    if links is None:
        return None
    return np.asarray(links[[item]].toarray()[0], dtype=np.float32)
