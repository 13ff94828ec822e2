"""Probabilities mean what they say, on the part of a log that comes after the training."""

from dataclasses import replace

import numpy as np
import pytest
from text_world import DAY, SUBJECTS, THINGS, make_log

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.eval.metrics.reliability import reliability
from recsys.text.examples import Examples
from recsys.text.fitting import InterestFitting
from recsys.text.logit_calibration import LabelledPairs


def shown_log() -> InteractionLog:
    """Lists of three items; those of the user's subject are clicked often, the others seldom; half of it is bought."""
    generator = np.random.default_rng(5)
    rows, requests = [], []
    for request in range(12_000):
        user = int(generator.integers(300))
        for item in generator.choice(len(SUBJECTS) * len(THINGS), 3, replace=False):
            time = request * DAY // 100
            rows.append((user, int(item), 0, time, 0.0))
            requests.append(request)
            likes = item // len(THINGS) == user % len(SUBJECTS)
            if generator.random() < (0.6 if likes else 0.1):
                rows.append((user, int(item), 1, time + 1, 1.0))
                requests.append(request)
                if generator.random() < 0.5:
                    rows.append((user, int(item), 2, time + 2, 4.0))
                    requests.append(request)
    order = np.argsort([row[3] for row in rows], kind="stable")
    log = make_log(rows, len(SUBJECTS) * len(THINGS))
    names = ("impression", "click", "purchase")
    return replace(log, event_names=names, requests=np.array(requests, dtype=np.int32)[order])


def test_the_calibration_error_on_later_impressions_is_small(tiny_encoder: str, texts: list[str]) -> None:
    log = shown_log()
    cut = int(log.times[int(0.6 * len(log))])
    config = TextConfig(encoder=tiny_encoder, max_tokens=16, history=5, epochs=1, learning_rate=4e-3, peft="none")
    model = InterestFitting(texts, log.before(cut), config, minutes=5).run()
    asked = Examples.from_log(log, 5, log.is_impression & (log.times >= cut))
    items = asked.targets.items.astype(np.int64)[:, None]
    clicks, purchases = model.probabilities(model.scorer.score_items(asked.histories(), items)[:, 0])
    pairs = asked.targets.requests.astype(np.int64) * log.n_items + asked.targets.items
    for kind, said in ((1, clicks), (2, purchases)):
        chosen = log.events == kind
        happened = np.isin(pairs, log.requests[chosen].astype(np.int64) * log.n_items + log.items[chosen])
        assert 0.05 < happened.mean() < 0.3
        assert reliability(said, happened).expected_calibration_error <= 0.02
        assert said[happened].mean() > said[~happened].mean() * (1.05 if kind == 1 else 1.0)
    assert clicks.mean() == pytest.approx(2 * purchases.mean(), rel=0.15)


def test_a_purchase_is_the_event_of_the_largest_weight_whatever_it_is_called(
    tiny_encoder: str, texts: list[str]
) -> None:
    log = shown_log().select(slice(0, 3_000))
    config = TextConfig(encoder=tiny_encoder, max_tokens=16, history=5, peft="none")
    usual = InterestFitting(texts, log, config, minutes=0).run().settings
    for names in (("impression", "view", "order"), ("impression", "purchase", "subscription")):
        found = InterestFitting(texts, replace(log, event_names=names), config, minutes=0).run().settings
        assert (found.click, found.purchase) == (usual.click, usual.purchase)


def test_few_purchases_keep_their_rate_where_logits_are_far_apart() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(-2.0, 6.0, 2_000).astype(np.float32)
    clicked = generator.random(2_000) < 1.0 / (1.0 + np.exp(3.0 - 0.2 * logits))
    purchased = np.zeros(2_000, dtype=bool)
    purchased[np.flatnonzero(clicked)[:12]] = True
    click, purchase = LabelledPairs(logits, clicked, purchased, np.ones(2_000)).calibrations()
    assert click.slope == pytest.approx(0.2, abs=0.05)
    assert purchase.slope == pytest.approx(click.slope, abs=0.05)
    assert purchase.probability(logits).mean() == pytest.approx(0.006, rel=0.02)
    assert reliability(purchase.probability(logits), purchased).expected_calibration_error < 0.005


def test_where_nothing_was_ever_bought_nothing_will_be() -> None:
    logits, nothing = np.array([-9.0, 0.0, 9.0], dtype=np.float32), np.zeros(3, dtype=bool)
    _, purchase = LabelledPairs(logits, nothing, nothing, np.ones(3)).calibrations()
    assert purchase.probability(logits).mean() < 0.001
