"""What takes too long or fails is left out of a list, and named; elsewhere it is an error."""

from pathlib import Path

import numpy as np
import pytest

from recsys.data.requests.request import Request
from recsys.pipeline.candidates.stages import LiveStages, Stages
from recsys.pipeline.recommender.recommend import Recommender

TOO_SHORT = 1e-9
"""Seconds that are over before the first stage."""


def broken(*_arguments: object) -> None:
    raise ZeroDivisionError


def test_a_stage_is_measured_and_its_error_raised() -> None:
    stages = Stages()
    assert stages.run("a", lambda: 1) == stages.attempt("b", 0, lambda: 1) == 1
    assert list(stages.seconds) == ["a"]
    with pytest.raises(ZeroDivisionError):
        stages.attempt("c", 1, broken)


def test_live_a_stage_is_left_out() -> None:
    stages = LiveStages(allowed=60)
    assert stages.attempt("a", 1, lambda: 1) == 1
    assert stages.attempt("b", 1, broken) is None
    assert stages.attempt("b", 1, broken) is None
    late = LiveStages(allowed=TOO_SHORT)
    assert late.attempt("c", 1, lambda: 1) is None
    assert (stages.left_out, late.left_out) == (["b"], ["c"]), "named once"


def test_lists_go_on_without(trained_registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = Recommender.load(trained_registry)
    request = Request(user_id="user 1", n=5)
    whole = recommender.recommend(request, stages=LiveStages(60))
    assert (whole.degraded, len(whole)) == ((), 5)
    assert {"history", "candidates", "features", "ranker", "policy"} == set(whole.seconds)

    late = recommender.recommend(request, explain=True, stages=LiveStages(TOO_SHORT))
    assert late.degraded == (*(s for s in recommender.scoring.sources.names if s != "popular"), "ranker")
    popular = recommender.popular(request)
    assert (late.ids, late.degraded) == (popular.ids, popular.degraded)
    assert np.isnan(late.p_click).all()
    assert late.explanations is None

    class Broken:
        """Scores that are not there when they are asked for."""

        best = of = broken

    for scores in (broken, lambda *_: Broken()):
        monkeypatch.setattr("recsys.text.interest.InterestModel.scores", scores)
        without = recommender.recommend(request, explain=True, stages=LiveStages(60))
        assert without.degraded == ("text",)
        assert len(without) == len(without.explain()) == 5
        with pytest.raises(ZeroDivisionError):
            recommender.recommend(request)


def test_popular_items_stand_under_the_rules(trained_registry: Path) -> None:
    recommender = Recommender.load(trained_registry)
    plain = recommender.popular(Request(user_id="user 1", n=20)).ids
    asked = (plain[9], plain[3], "nothing like it", plain[5])
    chosen = recommender.popular(Request(user_id="user 1", n=5, candidates=asked))
    assert (chosen.ids, chosen.unknown_items) == ((plain[3], plain[5], plain[9]), ("nothing like it",))
    pinned = recommender.popular(Request(n=5, policy={"pins": {plain[12]: 1}}))
    assert pinned.ids[0] == plain[12]
    capped = recommender.popular(Request(n=4, policy={"caps": {"category": 2}})).ids
    assert max(sum(id_.startswith(taste) for id_ in capped) for taste in ("coffee", "garden", "books")) == 2
    exploring = recommender.popular(Request(n=5, request_id="r", policy={"exploration": 0.5}))
    assert exploring.propensities is not None
    assert len(exploring.propensities) == 5
    assert exploring.propensities.min() < 1
