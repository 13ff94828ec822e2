"""Acts of weight 0 count as part of a history where the log shows that they hint at what is chosen next."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from logs_by_hand import log_of

from recsys.cf.hints import Hints
from recsys.data.groups.membership import Groups
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.moments import DAY

NAMES = ("impression", "view", "complaint", "skip", "purchase", "wish")
WEIGHTS = np.array([0, 0, 0, 0, 3, 2], dtype=np.float32)
VIEW, COMPLAINT, SKIP, PURCHASE, WISH = range(1, 6)
N_ITEMS, N_KINDS = 60, 6


def shop(views_hint: bool = True, n_users: int = 80) -> InteractionLog:
    """Every user looks at, skips and buys items of one kind, and complains of any; skips mean nothing by their name."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(n_users):
        for day in range(12):
            own = rng.integers(N_ITEMS // N_KINDS) * N_KINDS + user % N_KINDS
            event = (VIEW, COMPLAINT, SKIP, PURCHASE, WISH, VIEW)[day % 6]
            anything = event == COMPLAINT or (event == VIEW and not views_hint)
            rows.append((day, user, rng.integers(N_ITEMS) if anything else own, event))
    days, users, items, events = np.array(sorted(rows)).T
    columns = {"users": users, "items": items, "events": events, "times": days * DAY, "weights": WEIGHTS[events]}
    return log_of(columns, users=[f"u{user}" for user in range(n_users)], names=NAMES, n_items=N_ITEMS)


def kinds() -> Groups:
    members = sp.csr_matrix((np.ones(N_ITEMS, dtype=np.float32), (np.arange(N_ITEMS), np.arange(N_ITEMS) % N_KINDS)))
    names = pl.DataFrame({"column": ["category"] * N_KINDS, "value": [f"kind {kind}" for kind in range(N_KINDS)]})
    return Groups(members, names)


def test_an_act_counts_as_far_as_it_predicts_but_a_rejection_never() -> None:
    weights = Hints.of(shop(), kinds()).weights
    assert weights[VIEW] == pytest.approx(2, abs=0.3), "as well as a positive event: as much as the least of them"
    assert weights[[0, COMPLAINT, SKIP, PURCHASE, WISH]].tolist() == [0] * 5


def test_acts_that_predict_nothing_count_nothing() -> None:
    assert not Hints.of(shop(views_hint=False), kinds()).weights.any()
    assert not Hints.of(shop(n_users=3), kinds()).weights.any(), "too few to tell"
    assert not Hints.of(shop().select(slice(0, 0)), kinds()).weights.any()


def test_a_log_in_which_every_act_is_positive_has_no_hints() -> None:
    log = shop()
    assert not len(Hints.of(log.select(log.weights > 0), kinds()).weights)


def test_without_groups_an_item_has_itself_in_common() -> None:
    assert Hints.of(shop(), None).weights[VIEW] > 0
    assert not Hints.of(shop(views_hint=False), None).weights.any()


def test_a_history_is_read_with_its_hints(tmp_path: Path) -> None:
    Hints(np.array([0, 0.5, 0], dtype=np.float32)).save(tmp_path)
    hints = Hints.load(tmp_path)
    events = np.array([VIEW, PURCHASE, COMPLAINT, VIEW, -1], dtype=np.int8)
    weights = np.array([0, 3, 0, 1, 0], dtype=np.float32)
    numbers, times = np.arange(5, dtype=np.int32), np.arange(5, dtype=np.int64)
    histories = HistoryBatch(np.array([0, 5]), numbers, events, times, weights, np.array([9]))
    assert hints.of_histories(histories).weights.tolist() == [0.5, 3, 0, 1, 0]
    assert Hints.none().of_histories(histories) is histories
    assert not len(Hints.load(tmp_path / "nothing").weights)
