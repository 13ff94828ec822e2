"""The cross-encoder: what it reads, what it learns, and what the interest model learns from it."""

from pathlib import Path

import numpy as np
import pytest
from text_world import given, judge_stages, keep_what_is_learned_last, tiny_settings

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError
from recsys.text.encoder import TextEncoder
from recsys.text.examples import Examples
from recsys.text.fitting import InterestFitting, fit_teacher
from recsys.text.interest import InterestModel
from recsys.text.teaching.teacher import TITLES, Teacher
from recsys.text.teaching.teacher_training import Pools
from recsys.text.tuning.lower import LowerLayers


@pytest.fixture(scope="module")
def settings(tiny_encoder: str) -> TextConfig:
    return tiny_settings(tiny_encoder, epochs=1, upper_layers=2)


@pytest.fixture(scope="module")
def start(texts: list[str], log: InteractionLog, settings: TextConfig) -> InterestModel:
    return InterestFitting(texts, log, settings, minutes=0).run()


@pytest.fixture(scope="module")
def teacher(start: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig) -> Teacher:
    return fit_teacher(start, texts, log.select(log.users < 60), settings.model_copy(update={"epochs": 3}), minutes=30)


def untrained(tiny_encoder: str, texts: list[str], upper_layers: int = 2) -> Teacher:
    encoder = TextEncoder.load(tiny_encoder, 16)
    return Teacher.untrained(LowerLayers(encoder, encoder.tokens(texts), upper_layers))


def ndcg(columns: np.ndarray) -> float:
    return float((1.0 / np.log2(columns + 2.0)).mean())


@pytest.mark.parametrize("upper_layers", [1, 3])
def test_a_candidate_is_read_with_the_history_and_without_the_others(
    upper_layers: int, tiny_encoder: str, texts: list[str]
) -> None:
    teacher = untrained(tiny_encoder, texts, upper_layers)
    histories = given([1, 2], [], [30, 31, 32])
    candidates = np.array([[3, 40, 7], [3, 40, 7], [3, 40, 7]])
    scores = teacher.score(histories, candidates)
    assert scores.shape == (3, 3)
    alone = np.column_stack([teacher.score(histories, candidates[:, [column]]) for column in range(3)])
    assert np.allclose(scores, alone, atol=1e-5)
    assert np.abs(scores[0] - scores[1]).max() > 1e-3
    assert np.abs(scores[0] - scores[2]).max() > 1e-3


def test_only_the_newest_positive_events_are_read(tiny_encoder: str, texts: list[str]) -> None:
    teacher = untrained(tiny_encoder, texts)
    newest = list(range(10, 10 + TITLES))
    asked = np.array([[3, 4]])
    assert np.array_equal(teacher.score(given([40, *newest]), asked), teacher.score(given(newest), asked))
    assert np.array_equal(teacher.score(given(newest, weight=0.0), asked), teacher.score(given([]), asked))


def test_kept_lower_states_give_the_same_opinion(tiny_encoder: str, texts: list[str]) -> None:
    teacher = untrained(tiny_encoder, texts)
    before = teacher.score(given([1, 2]), np.array([[3, 4]]))
    assert teacher.lower.keep(lambda: False)
    assert teacher.lower.kept
    assert np.allclose(teacher.score(given([1, 2]), np.array([[3, 4]])), before, atol=2e-3)


def test_pools_hold_the_best_new_items_and_the_target(start: InterestModel, log: InteractionLog) -> None:
    examples = Examples.from_log(log, 5).select(slice(-50, None))
    pools = Pools.of(start.scorer, examples, 20)
    assert np.all(np.diff(pools.logits, axis=1) <= 0)
    held = pools.columns < 20
    assert np.array_equal(pools.items[held, pools.columns[held]], examples.targets.items[held])
    histories = examples.histories()
    for row in range(50):
        own = set(histories.items[histories.offsets[row] : histories.offsets[row + 1]])
        assert own.isdisjoint(set(pools.items[row]) - {int(examples.targets.items[row])})
    assert len(pools.decidable().items) == held.sum()
    assert Pools.of(start.scorer, examples, 500).items.shape == (50, 48)


def test_a_trained_teacher_reranks_better(start: InterestModel, teacher: Teacher, log: InteractionLog) -> None:
    assert teacher.weight > 0
    pools = Pools.of(start.scorer, Examples.from_log(log, 5).select(slice(-200, None)), 10).decidable()
    scores = teacher.rerank(pools.logits, pools.examples.histories(), pools.items)
    own = np.take_along_axis(scores, pools.columns[:, None], axis=1)
    assert ndcg((scores > own).sum(axis=1)) > ndcg(pools.columns) + 0.02


def test_a_saved_teacher_is_the_same(teacher: Teacher, tmp_path: Path) -> None:
    teacher.save(tmp_path)
    loaded = Teacher.load(tmp_path, teacher.lower)
    asked, interest = np.array([[3, 4, 5]]), np.zeros((1, 3), dtype=np.float32)
    assert np.array_equal(loaded.rerank(interest, given([1]), asked), teacher.rerank(interest, given([1]), asked))
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_an_encoder_of_another_build_says_so(tiny_encoder: str, texts: list[str]) -> None:
    encoder = TextEncoder.load(tiny_encoder, 16)
    encoder.model.config.model_type = "mpnet"
    with pytest.raises(ConfigError, match=r"text\.distil.*mpnet"):
        Teacher.untrained(LowerLayers(encoder, encoder.tokens(texts), 1))


@pytest.mark.parametrize("better", [True, False])
def test_what_the_teacher_says_is_learned_where_that_is_a_gain(
    better: bool, texts: list[str], log: InteractionLog, settings: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_stages(monkeypatch, as_better=better)
    keep_what_is_learned_last(monkeypatch)
    monkeypatch.setattr("recsys.text.teaching.teacher_training._fitted_weight", lambda pools, opinions: 1.0)
    log = log.select(log.users < 24)
    said: list[str] = []
    distilled = settings.model_copy(update={"distil": 1.0})
    model = InterestFitting(texts, log, distilled, minutes=30, progress=said.append).run()
    plain = InterestFitting(texts, log, settings, minutes=30).run()
    assert np.isfinite(model.score(given([1, 2], []))).all()
    assert {point.stage for point in model.curve} == {"network", "teacher"}
    assert np.array_equal(model.score(given([1, 2])), plain.score(given([1, 2]))) is not better
    assert any("left out" in line for line in said) is not better
    assert any("teacher read" in line for line in said)
