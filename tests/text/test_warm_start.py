"""A retraining goes on from what the parent learned, network and adapter alike, and needs fewer steps for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from text_world import (
    DAY,
    SUBJECTS,
    THINGS,
    given,
    judge_stages,
    keep_what_is_learned_last,
    make_log,
    tiny_settings,
)

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.text.cache import VectorCache
from recsys.text.examples import Examples
from recsys.text.fitting import InterestFitting
from recsys.text.interest import InterestModel
from recsys.text.training.validation import ndcg_of_targets

STAGES = ("network", "lora")


@pytest.fixture(scope="module")
def settings(tiny_encoder: str) -> TextConfig:
    return tiny_settings(tiny_encoder, epochs=4, peft="lora")


def keep_what_is_tuned(patch: pytest.MonkeyPatch) -> None:
    """Whatever it is worth, so that there is an adapter to go on from."""
    judge_stages(patch, as_better=True)
    keep_what_is_learned_last(patch)


@pytest.fixture(scope="module")
def parent(texts: list[str], log: InteractionLog, settings: TextConfig) -> InterestModel:
    with pytest.MonkeyPatch.context() as patch:
        keep_what_is_tuned(patch)
        return InterestFitting(texts, log, settings, minutes=5).run()


def steps(model: InterestModel, stage: str) -> int:
    return max(point.step for point in model.curve if point.stage == stage)


def start(model: InterestModel, stage: str) -> float:
    return next(point.ndcg for point in model.curve if point.stage == stage)


def test_the_parents_adapter_and_network_stand_at_the_start(
    parent: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig
) -> None:
    child = InterestFitting(texts, log, settings, minutes=0, earlier=parent).run()
    mine, its = child.reader.encoder.tuning, parent.reader.encoder.tuning
    assert mine is not None
    assert its is not None
    assert mine.weights.keys() == its.weights.keys()
    assert all(torch.equal(mine.weights[name], its.weights[name]) for name in its.weights)
    assert child.reader.encoder.version == parent.reader.encoder.version
    assert np.allclose(child.score(given([1, 2])), parent.score(given([1, 2])), atol=5e-3)


def test_a_retraining_encodes_what_changed(settings: TextConfig, cache_path: Path) -> None:
    texts = [f"{subject} {thing} {number}" for subject in SUBJECTS[:5] for thing in THINGS[:5] for number in range(4)]
    log, cache = make_log([(0, 1, 1, DAY, 4.0)], len(texts)), VectorCache(cache_path)
    parent = InterestFitting(texts, log, settings, minutes=0, cache=cache).run()
    said: list[str] = []
    changed = [*texts[:-1], "another cat"]
    child = InterestFitting(changed, log, settings, minutes=0, cache=cache, earlier=parent, progress=said.append).run()
    assert len(texts) == 100
    assert said == ["text: encoded 1 text"]
    assert np.array_equal(child.base_vectors[:-1], parent.base_vectors[:-1])


def test_going_on_takes_fewer_steps_and_loses_nothing(
    parent: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig
) -> None:
    child = InterestFitting(texts, log, settings, minutes=5, earlier=parent).run()
    for stage in STAGES:
        assert steps(child, stage) <= 0.6 * steps(parent, stage)
        assert start(child, stage) > start(parent, "network") + 0.1
    examples = Examples.from_log(log, 5)
    assert ndcg_of_targets(child.scorer, examples).mean() > ndcg_of_targets(parent.scorer, examples).mean() - 0.02


def test_the_caller_says_how_many_passes_going_on_takes(
    parent: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig
) -> None:
    half = InterestFitting(texts, log, settings, minutes=5, earlier=parent).run()
    two = settings.model_copy(update={"epochs": 2})
    whole = InterestFitting(texts, log, two, minutes=5, earlier=parent, warm_passes=1.0).run()
    for stage in STAGES:
        assert steps(whole, stage) == steps(half, stage)


def test_what_the_child_tunes_comes_on_top(
    parent: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_what_is_tuned(monkeypatch)
    more = replace(log, n_items=len(texts) + 1)
    child = InterestFitting([*texts, "snake food"], more, settings, minutes=5, earlier=parent).run()
    mine, its = child.reader.encoder.tuning, parent.reader.encoder.tuning
    assert mine is not None
    assert its is not None
    assert child.reader.encoder.version != parent.reader.encoder.version
    assert all(torch.equal(mine.originals[name], its.originals[name]) for name in its.originals)
    # Rounded to float16: where texts are read in other batches, a number may round to the next one.
    np.testing.assert_allclose(child.base_vectors[:-1], parent.base_vectors, rtol=2**-10, atol=1e-5)
