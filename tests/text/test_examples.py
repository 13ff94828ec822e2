"""No example sees its target's moment or later."""

import numpy as np
from text_world import make_log

from recsys.text.examples import Examples


def test_histories_are_strictly_before_and_of_the_same_user() -> None:
    # user, item, kind, time, weight: a basket of two at time 2, a bad rating at time 3
    log = make_log(
        [(0, 0, 1, 1, 4), (1, 9, 1, 1, 4), (0, 1, 1, 2, 4), (0, 2, 1, 2, 4), (0, 3, 0, 3, 0), (0, 4, 1, 5, 4)], 10
    )
    examples = Examples.from_log(log, history=20)
    histories = examples.histories()
    seen = [
        histories.items[start:stop].tolist()
        for start, stop in zip(histories.offsets, histories.offsets[1:], strict=False)
    ]
    assert dict(zip(examples.targets.items.tolist(), seen, strict=True)) == {
        0: [],
        9: [],
        1: [0],
        2: [0],
        4: [0, 1, 2],
    }
    assert np.all(np.diff(examples.targets.times) >= 0)
    assert np.all(histories.times < histories.now[histories.rows])


def test_a_long_history_keeps_its_newest_events() -> None:
    log = make_log([(0, item, 1, item, 4) for item in range(8)], 8)
    histories = Examples.from_log(log, history=3).histories()
    assert histories.items[-3:].tolist() == [4, 5, 6]


def test_targets_of_another_kind_have_positive_histories() -> None:
    log = make_log([(0, 0, 1, 1, 4), (0, 1, 0, 2, 0), (0, 2, 1, 3, 4), (0, 3, 0, 4, 0)], 4)
    examples = Examples.from_log(log, 5, targets=log.weights == 0)
    assert examples.targets.items.tolist() == [1, 3]
    assert examples.histories().items.tolist() == [0, 0, 2]


def test_an_empty_log_gives_no_examples() -> None:
    examples = Examples.from_log(make_log([], 3), 5)
    assert len(examples) == 0
    assert len(examples.histories()) == 0
