"""The contract of the interest model, on a tiny encoder."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from text_world import DAY, SUBJECTS, THINGS, given, judge_stages, make_log, tiny_settings

from recsys.arrays.float16 import rounded_to_float16
from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.errors import BundleError
from recsys.text.attention import attended_events
from recsys.text.attribution import attention, attribution
from recsys.text.cache import VectorCache
from recsys.text.examples import Examples
from recsys.text.fitting import InterestFitting
from recsys.text.interest import InterestModel
from recsys.text.lexicon import Lexicon
from recsys.text.network import InterestNetwork
from recsys.text.training.validation import ndcg_of_targets


@pytest.fixture(scope="module")
def settings(tiny_encoder: str) -> TextConfig:
    return tiny_settings(tiny_encoder, epochs=12)


@pytest.fixture(scope="module")
def start(texts: list[str], log: InteractionLog, settings: TextConfig) -> InterestModel:
    return InterestFitting(texts, log, settings, minutes=0).run()


@pytest.fixture(scope="module")
def model(texts: list[str], log: InteractionLog, settings: TextConfig) -> InterestModel:
    return InterestFitting(texts, log, settings, minutes=10).run()


@pytest.fixture(scope="module")
def adapted(texts: list[str], log: InteractionLog, settings: TextConfig) -> InterestModel:
    return InterestFitting(texts, log, settings.model_copy(update={"peft": "lora"}), minutes=1).run()


def test_training_learns_what_comes_next(start: InterestModel, model: InterestModel, log: InteractionLog) -> None:
    examples = Examples.from_log(log, 5)
    assert ndcg_of_targets(model.scorer, examples).mean() > ndcg_of_targets(start.scorer, examples).mean() + 0.1
    scores = model.score(given([0, 1, 2]))[0].reshape(len(SUBJECTS), len(THINGS))
    assert scores.mean(axis=1).argmax() == 0


def test_vectors_are_unit_rows_that_a_float16_can_hold(model: InterestModel, adapted: InterestModel) -> None:
    for any_model in (model, adapted):
        assert any_model.item_vectors.shape == any_model.base_vectors.shape == (48, 32)
        assert any_model.item_vectors.dtype == any_model.score(given([1])).dtype == np.float32
        for vectors in (any_model.item_vectors, any_model.base_vectors):
            np.testing.assert_array_equal(vectors, rounded_to_float16(vectors))
            assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=np.finfo(np.float16).eps)


def test_every_history_has_finite_scores(model: InterestModel) -> None:
    histories = given([], [5], list(range(48)) * 3, [7, 7, 7], [])
    scores = model.score(histories)
    assert scores.shape == (5, 48)
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[4])
    assert model.score(given()).shape == (0, 48)


def test_one_request_scores_as_it_does_among_others(model: InterestModel) -> None:
    together = model.score(given([1, 2], [], [30, 31, 32]))
    assert np.allclose(together[2], model.score(given([30, 31, 32]))[0], atol=1e-4)


def test_attention_sums_to_one_and_reads_only_new_positive_events(model: InterestModel) -> None:
    histories = given([], [5], list(range(9)))
    shares = attention(model.scorer, histories)
    assert np.allclose(np.bincount(histories.rows, shares, minlength=3), [0, 1, 1], atol=1e-5)
    assert np.all(shares[1:5] == 0)
    assert not attention(model.scorer, given([1, 2], weight=0.0)).any()


def test_attribution_points_to_the_related_event(model: InterestModel) -> None:
    shares = attribution(model.scorer, given([0, 16, 32]), np.array([17], dtype=np.int32))
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)
    assert shares.argmax() == 1


def test_a_query_moves_the_list(model: InterestModel) -> None:
    scores = model.score(given([0, 1], [0, 1], [0, 1]), ["horse bed", None, ""])
    assert np.array_equal(scores[1], scores[2])
    horses = slice(4 * len(THINGS), 5 * len(THINGS))
    assert scores[0, horses].mean() > scores[1, horses].mean()


def test_a_query_alone_is_enough(model: InterestModel) -> None:
    histories = given([], [], [])
    scores = model.score(histories, ["horse bed", "cat food", None])
    by_subject = scores.reshape(3, len(SUBJECTS), len(THINGS)).mean(axis=2)
    assert by_subject[0].argmax() == SUBJECTS.index("horse")
    assert by_subject[1].argmax() == SUBJECTS.index("cat")
    assert np.array_equal(scores[2], model.score(given([]))[0])
    assert np.isfinite(model.probabilities(scores)[0]).all()


def test_probabilities_rise_with_the_logit_and_purchases_are_clicks(model: InterestModel) -> None:
    clicks, purchases = model.probabilities(np.linspace(-60, 60, 50, dtype=np.float32).reshape(5, 10))
    assert clicks.shape == purchases.shape == (5, 10)
    assert np.all(np.diff(clicks.ravel()) >= 0)
    assert np.all((purchases <= clicks) & (clicks <= 1) & (purchases >= 0))


def test_probabilities_of_the_next_event_add_up_to_about_one(model: InterestModel, log: InteractionLog) -> None:
    some = Examples.from_log(log, 5).select(slice(-200, None))
    clicks, _ = model.probabilities(model.score(some.histories()))
    assert 0.5 < clicks.sum(axis=1).mean() < 2.0


def test_impressions_calibrate_the_heads(texts: list[str], settings: TextConfig) -> None:
    generator = np.random.default_rng(0)
    rows = []
    for user in range(80):
        for day in range(10):
            item = int(generator.integers(48))
            rows.append((user, item, 0, day * DAY + user, 0.0))
            if generator.random() < 0.25:
                rows.append((user, item, 1, day * DAY + user + 5, 4.0))
    log = make_log(rows, 48)
    shown = replace(log, event_names=("impression", "purchase"))
    model = InterestFitting(texts, shown, settings, minutes=0).run()
    examples = Examples.from_log(shown, 5, shown.is_impression)
    logits = model.score(examples.histories())[np.arange(len(examples)), examples.targets.items]
    assert model.probabilities(logits)[0].mean() == pytest.approx(0.25, abs=0.12)


@pytest.mark.parametrize("kind", ["model", "adapted"])
def test_saved_and_loaded_is_the_same(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    model: InterestModel = request.getfixturevalue(kind)
    model.save(tmp_path / "text")
    loaded = InterestModel.load(tmp_path / "text")
    histories = given([1, 2, 3], [])
    assert np.array_equal(loaded.score(histories), model.score(histories))
    assert np.array_equal(attention(loaded.scorer, histories), attention(model.scorer, histories))
    assert np.allclose(
        loaded.encode_items(["cat food", "new thing"]), model.encode_items(["cat food", "new thing"]), atol=1e-5
    )
    assert loaded.settings == model.settings
    assert not list((tmp_path / "text").rglob("*.bin")) + list((tmp_path / "text").rglob("*.pkl"))
    loaded.save(tmp_path / "again")
    assert np.array_equal(InterestModel.load(tmp_path / "again").score(histories), model.score(histories))


def test_another_encoder_is_refused(model: InterestModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    settings = tmp_path / "interest.json"
    settings.write_text(settings.read_text().replace(model.settings.encoder_version, "other-t16"))
    with pytest.raises(BundleError, match="train again"):
        InterestModel.load(tmp_path)


def test_the_same_seed_gives_the_same_model(
    model: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig
) -> None:
    again = InterestFitting(
        texts, log, settings, minutes=10
    ).run()  # more than it takes, whatever else the machine does
    assert np.array_equal(again.score(given([1, 2])), model.score(given([1, 2])))
    other = InterestFitting(texts, log, settings, minutes=1, seed=1).run()
    assert not np.array_equal(other.score(given([1, 2])), model.score(given([1, 2])))


def test_scores_of_some_items_are_those_among_all(model: InterestModel) -> None:
    histories = given([1, 2, 30], [], [5])
    items = np.array([[3, 40], [0, 0], [47, 5]])
    expected = np.take_along_axis(model.score(histories), items, axis=1)
    assert np.allclose(model.scorer.score_items(histories, items), expected, atol=1e-5)


def test_long_histories_and_many_requests_score_as_one_by_one(model: InterestModel) -> None:
    long = replace(model.scorer, parameters={**model.scorer.parameters, "place_logits": np.zeros(40, "f4")})
    histories = given(*[[(place * step) % 48 for place in range(30)] for step in range(1, 150)])
    together = long.score(histories)
    for row in (0, 77, 148):
        assert np.allclose(together[row], long.score(histories.block(row, row + 1))[0], atol=1e-4)


def test_tuning_that_does_not_pay_is_left_out(
    texts: list[str], log: InteractionLog, settings: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_stages(monkeypatch, as_better=False)
    said: list[str] = []
    lora = settings.model_copy(update={"peft": "lora", "epochs": 2})
    tried = InterestFitting(texts, log, lora, minutes=1, progress=said.append).run()
    plain = InterestFitting(texts, log, lora.model_copy(update={"peft": "none"}), minutes=1).run()
    assert sum("left out" in line for line in said) == 1
    assert np.array_equal(tried.score(given([1, 2])), plain.score(given([1, 2])))
    assert tried.reader.encoder.tuning is None


@pytest.mark.parametrize("peft", ["none", "lora"])
def test_a_stage_whose_numbers_overflow_goes_back_to_its_best_state(
    peft: str, texts: list[str], log: InteractionLog, settings: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_stages(monkeypatch, as_better=True)
    monkeypatch.setattr("recsys.text.training.stage._ALONE_RATE", 1e30)  # so that few steps are enough
    wild = settings.model_copy(update={"peft": peft, "epochs": 2, "learning_rate": 1.0})
    said: list[str] = []
    model = InterestFitting(texts, log, wild, minutes=1, progress=said.append).run()
    assert any(line.endswith("goes back to its best state before; lower text.learning_rate") for line in said)
    assert np.isfinite(model.score(given([1, 2]))).all()


def test_scores_that_are_no_numbers_rank_nothing_first(model: InterestModel, log: InteractionLog) -> None:
    broken = {name: np.full_like(values, np.nan) for name, values in model.scorer.parameters.items()}
    scorer = model.scorer.__class__(model.scorer.items, broken)
    assert ndcg_of_targets(scorer, Examples.from_log(log, 5)).max() == 0.0


def test_tuning_that_does_not_fit_says_so_once(
    texts: list[str], log: InteractionLog, settings: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.text.tuning.adapter.AdaptedEncoder._estimate", lambda self: 1e6)
    said: list[str] = []
    lora = settings.model_copy(update={"peft": "lora", "epochs": 1})
    tried = InterestFitting(texts, log, lora, minutes=1, progress=said.append).run()
    assert sum("no lora" in line for line in said) == 1
    assert tried.reader.encoder.tuning is None


@pytest.mark.parametrize("peft", ["adalora", "ia3", "full"])
def test_every_way_to_tune_trains_and_keeps_its_curve(
    peft: str, texts: list[str], log: InteractionLog, settings: TextConfig, tmp_path: Path
) -> None:
    way = settings.model_copy(update={"peft": peft, "epochs": 2, "accumulate": 2})
    model = InterestFitting(texts, log, way, minutes=1).run()
    assert np.isfinite(model.score(given([1, 2]))).all()
    assert {point.stage for point in model.curve} == {"network", peft}
    model.save(tmp_path)
    assert InterestModel.load(tmp_path).curve == model.curve


def test_the_budget_is_kept(texts: list[str], log: InteractionLog, settings: TextConfig) -> None:
    patient = settings.model_copy(update={"epochs": 100_000, "learning_rate": 1e-7, "peft": "lora"})
    started = time.monotonic()
    InterestFitting(texts, log, patient, minutes=0.02).run()
    assert time.monotonic() - started < 20


def test_items_of_the_catalogue_and_new_ones_are_read_alike(adapted: InterestModel, texts: list[str]) -> None:
    assert np.allclose(adapted.encode_items(texts[:4]), adapted.item_vectors[:4], atol=5e-3)
    vector = adapted.encode_items(["cat food cat food"])[0]
    similarity = (adapted.item_vectors @ vector).reshape(len(SUBJECTS), len(THINGS))
    assert similarity.mean(axis=1).argmax() == 0
    assert np.isfinite(adapted.encode_items(["", "🙂" * 50_000])).all()


def test_what_came_later_is_read_once(
    model: InterestModel, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts again takes its vectors from the file; one that cannot write it reads them anew."""
    new, number = ["horse toy horse toy"], np.array([48], dtype=np.int32)
    expected = model.updated(number, new).item_vectors[48]
    monkeypatch.setattr(model, "vectors_file", tmp_path / "cache" / "vectors.sqlite")
    np.testing.assert_array_equal(model.updated(number, new).item_vectors[48], expected)
    with monkeypatch.context() as patched:
        patched.setattr("recsys.text.encoder.TextEncoder.encode", lambda *_: pytest.fail("read again"))
        np.testing.assert_array_equal(model.updated(number, new).item_vectors[48], expected)
    (tmp_path / "file").touch()
    monkeypatch.setattr(model, "vectors_file", tmp_path / "file" / "vectors.sqlite")
    np.testing.assert_array_equal(model.updated(number, new).item_vectors[48], expected)


def test_new_items_can_be_scored_and_stand_in_histories(model: InterestModel) -> None:
    longer = model.updated(np.array([48], dtype=np.int32), ["horse toy horse toy"])
    assert len(longer) == 49
    scores = longer.score(given([32, 33], [48]))
    assert np.allclose(scores[0, :48], model.score(given([32, 33]))[0], atol=1e-4)
    assert scores[0, 48] > np.median(scores[0])
    assert scores[1, :48].reshape(len(SUBJECTS), len(THINGS)).mean(axis=1).argmax() == SUBJECTS.index("horse")


def test_an_item_that_says_something_else_is_read_again(model: InterestModel, texts: list[str]) -> None:
    changed = model.updated(np.array([0, 48], dtype=np.int32), ["horse food bed", texts[0]])
    assert np.allclose(changed.item_vectors[48], model.item_vectors[0], atol=5e-3)
    assert np.allclose(changed.base_vectors[1:48], model.base_vectors[1:])
    assert changed.item_vectors[0] @ model.item_vectors[0] < 0.99


def test_a_warm_start_goes_on_from_what_was_learned(
    model: InterestModel, start: InterestModel, texts: list[str], log: InteractionLog, settings: TextConfig
) -> None:
    wider = [*texts, "snake food", "snake bed"]
    log = replace(log, n_items=len(wider))
    warm = InterestFitting(wider, log, settings, minutes=0, earlier=model).run()
    assert len(warm) == 50
    examples = Examples.from_log(log, 5)
    assert ndcg_of_targets(warm.scorer, examples).mean() > ndcg_of_targets(start.scorer, examples).mean() + 0.1


@pytest.mark.parametrize("rows", [[], [(0, 1, 0, DAY, 0.0)], [(0, 1, 1, DAY, 4.0)]])
def test_a_log_with_next_to_nothing_gives_similarity_to_the_newest(
    rows: list[tuple[int, int, int, int, float]], texts: list[str], settings: TextConfig
) -> None:
    model = InterestFitting(texts, make_log(rows, 48), settings).run()
    scores = model.score(given([3], []))
    assert np.isfinite(scores).all()
    assert scores[0].argmax() == 3
    assert np.isfinite(model.probabilities(scores)[0]).all()


def test_a_catalogue_of_one_item_and_equal_texts(log: InteractionLog, settings: TextConfig, cache_path: Path) -> None:
    one = InterestFitting(
        ["cat"], make_log([(0, 0, 1, k * DAY, 4.0) for k in range(60)], 1), settings, minutes=0.02
    ).run()
    assert np.isfinite(one.score(given([0], []))).all()
    same = InterestFitting([""] * 48, log, settings, minutes=0.02, cache=VectorCache(cache_path)).run()
    assert np.allclose(same.score(given([0]))[0], same.score(given([0]))[0, 0], atol=1e-5)


def test_training_and_serving_use_the_same_formula(model: InterestModel, texts: list[str], log: InteractionLog) -> None:
    import torch

    reader = model.reader
    network: InterestNetwork = reader.network.eval()
    histories = Examples.from_log(log, 5).select(slice(-20, None)).histories()
    events = attended_events(histories, 5, 3)
    with torch.inference_mode():
        said = network.read_texts(
            torch.from_numpy(reader.encoder.encode(texts)), reader.lexicon.bags(reader.encoder.tokens(texts))
        )
        logits = network(said, events, events.items, len(histories), said)
        targets = network.target(said).numpy()  # before they are rounded
    assert np.allclose(targets, model.item_vectors, rtol=np.finfo(np.float16).eps, atol=1e-5)
    serving = replace(model.scorer, items=replace(model.scorer.items, targets=targets))
    assert np.allclose(logits.numpy(), serving.score(histories), atol=1e-4)


def test_lexicon_ignores_unknown_and_single_tokens() -> None:
    lexicon = Lexicon.from_texts([[1, 5, 5], [1, 7], [5], []])
    assert lexicon.tokens.tolist() == [1, 5]
    bags = lexicon.bags([[5, 9], [], [7], [1, 5]]).toarray()
    assert bags[0].tolist() == [0, 1]
    assert not bags[1:3].any()
    assert np.linalg.norm(bags[3]) == pytest.approx(1.0)


def test_a_training_that_only_unlearns_leaves_the_start_and_says_so(
    texts: list[str], log: InteractionLog, start: InterestModel, settings: TextConfig
) -> None:
    said: list[str] = []
    wild = settings.model_copy(update={"learning_rate": 0.3, "epochs": 1})
    model = InterestFitting(texts, log, wild, minutes=10, progress=said.append).run()
    assert "text: network: no step ranked the newest events better than the start" in said
    np.testing.assert_array_equal(model.score(given([0, 1, 2])), start.score(given([0, 1, 2])))
