"""Where users do several kinds of things with items, the ranker is told which, and when."""

import numpy as np
from logs_by_hand import log_of

from recsys.config import FeaturesConfig, load_config
from recsys.data.dataset import Dataset
from recsys.data.log.interactions import InteractionLog
from recsys.pipeline.training.event_columns import with_event_columns
from recsys.pipeline.training.preparing import prepared
from recsys.progress import silent


def log(**counts: int) -> InteractionLog:
    """A log with so many events of each name."""
    events = np.repeat(np.arange(len(counts)), list(counts.values()))
    return log_of({"times": np.arange(len(events)), "events": events}, users=["u"], names=list(counts), n_items=1)


def names(events: InteractionLog) -> list[str]:
    return [feature.name for feature in with_event_columns(FeaturesConfig(), events, silent).extra]


def test_frequent_kinds_of_acts_are_told_apart() -> None:
    events = log(impression=500, hold=50, Loan=300, misplaced=1)
    assert names(events) == ["user_item_hold_days", "user_item_loan_days"]


def test_of_many_kinds_only_the_most_frequent_are() -> None:
    events = log(a=20, b=50, c=40, d=30, e=60)
    assert names(events) == [f"user_item_{event}_days" for event in "bcde"]


def test_one_kind_needs_no_column() -> None:
    assert names(log(impression=500, purchase=100)) == []
    assert names(log()) == []


def test_a_second_training_finds_the_same() -> None:
    events = log(hold=50, loan=300)
    once = with_event_columns(FeaturesConfig(), events, silent)
    assert with_event_columns(once, events, silent) == once


def test_what_the_ranker_is_told_to_do_without_is_not_said_to_be_seen() -> None:
    told = list[str]()
    with_event_columns(FeaturesConfig(exclude=("user_item_hold_days",)), log(hold=50, loan=300), told.append)
    assert told == ["the ranker tells kinds of acts apart: user_item_loan_days"]


def test_a_training_may_do_without_one_of_them(early: Dataset, plain_settings: tuple[str, ...]) -> None:
    told = list[str]()
    excluded = 'features.exclude=["user_item_click_days"]'
    prepared(early, load_config(None, (*plain_settings, excluded)), told.append)
    assert any("kinds of acts apart" in line and "click" not in line for line in told)
