"""How often lists hold what is hardly known: told by requests that the ranker had not seen, unless it is named."""

from dataclasses import replace

import numpy as np
import pytest
from pipeline_world import past_of

from features.state import EventState
from recsys.config import Config, override
from recsys.data.dataset import Dataset
from recsys.data.split import TemporalSplit
from recsys.errors import ConfigError
from recsys.eval.dial import DialPoint, worthwhile_discovery
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.ranking.rankers import OlderRanker
from recsys.pipeline.ranking.rules import PolicyInputs, policy_of
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.discovery_choice import discovery_curve
from recsys.pipeline.training.train import train
from recsys.registry import Registry


@pytest.fixture
def requests(early: Dataset, plain: Bundle) -> PastRequests:
    split = TemporalSplit.of(early.log, plain.config.data)
    return PastRequests.of(early.log, split.ranker_start, split.test_start)


def test_only_requests_that_taught_the_ranker_nothing_decide(
    early: Dataset, plain: Bundle, requests: PastRequests
) -> None:
    until = int(np.quantile(requests.times, 0.8))
    rankers = replace(plain.rankers, older=OlderRanker(plain.rankers.full, until))
    pipeline = PastPipeline(past_of(plain, early), plain.features, rankers)
    points = discovery_curve(pipeline, requests, pipeline.past.scoring.state)
    assert {point.n_requests for point in points} == {int(np.count_nonzero(requests.times >= until))}
    assert points[0].dial == 0.0
    none_held_out = replace(pipeline, rankers=replace(rankers, older=None))
    assert discovery_curve(none_held_out, requests, pipeline.past.scoring.state) == ()


def test_the_ranker_that_decides_is_the_one_without_the_newest_requests(plain: Bundle, requests: PastRequests) -> None:
    """The published rankers learned from the ranker window and the test: what is held out is newer than the former."""
    older = plain.rankers.older
    assert older is not None
    assert older.until > requests.times.max()
    assert older.ranker is not plain.rankers.full


def test_the_published_ranker_has_a_say_in_the_published_setting(
    early: Dataset, plain_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ranker of the report has not learned what new items of the test window are worth."""
    asked: list[tuple[PastPipeline, PastRequests]] = []

    def recorded(pipeline: PastPipeline, requests: PastRequests, state: EventState) -> tuple[DialPoint, ...]:
        asked.append((pipeline, requests))
        return discovery_curve(pipeline, requests, state)

    monkeypatch.setattr("recsys.pipeline.training.train.discovery_curve", recorded)
    published = train(early, plain_config).rankers
    (before_test, earlier), (deciding, test) = asked
    assert earlier.times.max() < test.times.min()
    assert before_test.rankers.full is not published.full
    assert deciding.rankers.full is published.full
    assert published.older is not None
    assert published.older.until <= test.times.max()


def test_training_names_a_setting_and_remembers_what_was_asked_for(plain: Bundle, plain_registry: Registry) -> None:
    loaded = Bundle.load(plain_registry)
    assert plain.requested_config.policy.discovery == "auto"
    assert loaded.config.policy.discovery == plain.config.policy.discovery == 0.0, "all items are known there"
    assert loaded.requested_config == plain.requested_config
    assert worthwhile_discovery([plain.report.dials["discovery"]]) == 0.0


def test_a_setting_that_is_named_stays(early: Dataset, plain_config: Config) -> None:
    named = override(plain_config, ["policy.discovery=0.2"], "policy")
    assert train(early, named).config.policy.discovery == 0.2


def test_what_training_has_not_resolved_makes_no_list(plain: Bundle) -> None:
    unresolved = plain.config.policy.model_copy(update={"discovery": "auto"})
    none = np.zeros(0, dtype=np.int32)
    with pytest.raises(ConfigError, match=r"policy\.discovery is 'auto'"):
        policy_of(unresolved, PolicyInputs(now=0, seen=none), plain.catalogue)
