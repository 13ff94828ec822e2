"""Batches: what was shown and passed over is held against what was chosen."""

from dataclasses import replace

import numpy as np
from text_world import make_log

from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog
from recsys.text.examples import Examples
from recsys.text.training.sampling import PassedOver, Sampler


def shown_log() -> InteractionLog:
    """One list of items 1, 2, 3, of which 2 is bought; one of 4 and 5, of which none is."""
    log = make_log(
        [
            (0, 9, 1, 1, 4), (0, 1, 0, 2, 0), (0, 2, 0, 2, 0), (0, 3, 0, 2, 0), (0, 2, 1, 3, 4),
            (0, 4, 0, 4, 0), (0, 5, 0, 4, 0),
        ],
        n_items=10,
    )  # fmt: skip
    return replace(
        log, event_names=("impression", "purchase"), requests=np.array([-1, 0, 0, 0, 0, 1, 1], dtype=np.int32)
    )


def test_passed_over_is_what_was_shown_beside_the_choice() -> None:
    passed_over = PassedOver.from_log(shown_log())
    assert passed_over.requests.tolist() == [0, 0]
    assert passed_over.items.tolist() == [1, 3]


def test_lists_of_two_users_under_one_request_id_are_two() -> None:
    log = shown_log()
    log = replace(log, users=np.array([0, 0, 0, 0, 0, 1, 1], dtype=np.int32))
    log = replace(
        log, user_vocabulary=Vocabulary(["a", "b"]), requests=np.array([-1, 0, 0, 0, 0, 0, 0], dtype=np.int32)
    )
    assert PassedOver.from_log(log).items.tolist() == [1, 3, 4, 5], "the other user's list is taken for part of it"
    own = log.with_own_requests()
    assert PassedOver.from_log(own).items.tolist() == [1, 3]
    assert own.requests[0] == -1
    assert len(set(own.requests[1:5].tolist())) == len(set(own.requests[5:].tolist())) == 1


def test_a_batch_names_them_for_their_request_alone() -> None:
    log = shown_log()
    examples = Examples.from_log(log, 5)
    sampler = Sampler(examples, 10, 5, 3, 8, PassedOver.from_log(log))
    batch = sampler.draw(np.arange(len(examples)), np.random.default_rng(0))
    drawn = batch.items[batch.candidates]
    assert examples.targets.items.tolist() == [9, 2]
    assert not batch.skipped[0].any()
    assert drawn[batch.skipped[1]].tolist() == [1, 3]
    assert drawn[batch.labels].tolist() == [9, 2]


def test_a_log_without_impressions_has_none() -> None:
    log = make_log([(0, 0, 1, 1, 4), (0, 1, 1, 2, 4)], 3)
    examples = Examples.from_log(log, 5)
    sampler = Sampler(examples, 3, 5, 3, 8, PassedOver.from_log(log))
    assert not sampler.draw(np.arange(2), np.random.default_rng(0)).skipped.any()
