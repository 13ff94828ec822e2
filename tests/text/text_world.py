"""Logs and histories made by hand."""

import numpy as np
import pytest
from logs_by_hand import log_of

from recsys.config import TextConfig
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import NO_TIME, InteractionLog
from recsys.moments import DAY

SUBJECTS = ("cat", "dog", "fish", "bird", "horse", "mouse")
THINGS = ("food", "bed", "toy", "book", "brush", "bowl", "lamp", "cup")


def tiny_settings(encoder: str, **changes: object) -> TextConfig:
    """Settings under which a tiny encoder learns in seconds, its adapters not at all; `changes` are a test's own."""
    usual = {"max_tokens": 16, "history": 5, "batch_size": 32, "lora_rank": 2, "upper_layers": 1, "peft": "none"}
    return TextConfig(**{**usual, "encoder": encoder, "learning_rate": 4e-3, **changes})


def judge_stages(patch: pytest.MonkeyPatch, *, as_better: bool) -> None:
    """Have every stage of a training judged so, whatever it has learned: on few texts, adapters learn nothing."""
    patch.setattr("recsys.text.training.stage.is_better", lambda now, before: as_better)


def keep_what_is_learned_last(patch: pytest.MonkeyPatch) -> None:
    """Have a stage end with its last state, whatever was better before."""
    patch.setattr("recsys.text.training.stage._NOISE", 10.0)


def check_often(patch: pytest.MonkeyPatch) -> None:
    """Have a stage checked after a few steps, so that there are checkpoints of a short training."""
    patch.setattr("recsys.text.training.stage._STEPS_BETWEEN_CHECKS", 7)


def make_log(rows: list[tuple[int, int, int, int, float]], n_items: int) -> InteractionLog:
    """A log of (user, item, kind, time, weight); kinds are click and purchase."""
    rows = sorted(rows, key=lambda row: row[3])
    users, items, kinds, times, weights = zip(*rows, strict=True) if rows else [()] * 5
    return log_of(
        {"users": users, "items": items, "events": kinds, "times": times, "weights": weights},
        users=[f"u{user}" for user in range(max(users, default=-1) + 1)],
        names=("click", "purchase"),
        n_items=n_items,
    )


def given(*histories: list[int], weight: float = 4.0) -> HistoryBatch:
    """Histories as a requests file gives them: ids only, oldest first."""
    items = np.array([item for history in histories for item in history], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    return HistoryBatch(
        offsets,
        items,
        np.full(len(items), -1, dtype=np.int8),
        np.full(len(items), NO_TIME, dtype=np.int64),
        np.full(len(items), weight, dtype=np.float32),
        np.full(len(histories), 100 * DAY, dtype=np.int64),
    )
