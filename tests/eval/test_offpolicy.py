"""Off-policy estimates: values worked by hand, and a simulated world whose truth is known."""

import numpy as np
import pytest

from recsys.errors import DataError
from recsys.eval.offpolicy import LoggedPlacements, OffPolicy, off_policy


def placements(**columns: list[float]) -> LoggedPlacements:
    n = len(columns["rewards"])
    given = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
    nothing = np.zeros(n)
    return LoggedPlacements(
        given["rewards"],
        given["propensities"],
        given["target"],
        given.get("predicted", nothing),
        given.get("expected", nothing),
        np.arange(n, dtype=np.int32),
    )


def test_estimates_by_hand() -> None:
    logged = placements(
        rewards=[1, 0, 1, 0],
        propensities=[0.5, 0.25, 0.5, 1.0],
        target=[1, 1, 0, 1],
        predicted=[0.5, 0.25, 0.5, 0.0],
        expected=[0.5, 0.25, 0.25, 0.0],
    )
    found = off_policy(logged)
    # Weights 2, 4, 0, 1.
    assert found.logged["mean"] == 0.5
    assert found.ips["mean"] == pytest.approx(2 / 4)
    assert found.snips["mean"] == pytest.approx(2 / 7)
    assert found.dr["mean"] == pytest.approx((1.0 + 2 * 0.5 - 4 * 0.25) / 4)
    assert found.effective_sample_size == pytest.approx(49 / 21)
    assert (found.mean_weight, found.max_weight, found.clipped) == (7 / 4, 4.0, 0.0)
    assert not found.reliable


def test_the_logging_policy_itself_earns_what_it_earned() -> None:
    rng = np.random.default_rng(0)
    propensities = rng.uniform(0.2, 1.0, 500)
    rewards = (rng.random(500) < 0.3).astype(float)
    found = off_policy(placements(rewards=rewards, propensities=propensities, target=propensities))
    assert found.ips["mean"] == found.snips["mean"] == found.logged["mean"]
    assert found.effective_sample_size == pytest.approx(500)
    assert found.reliable


def test_large_weights_are_cut_and_reported() -> None:
    found = off_policy(placements(rewards=[1, 1], propensities=[0.001, 1.0], target=[1, 1]))
    assert (found.max_weight, found.clipped) == (50.0, 0.5)
    assert found.ips["mean"] == pytest.approx(25.5)


def test_weights_that_a_uniform_log_gives_all_alike_are_not_cut_where_there_are_many() -> None:
    """One of 80 items at random, as the open bandit dataset logs it: every weight is 80, and no estimate is biased."""
    n = 8_000
    shows = np.arange(n) % 80 == 0
    rewards = (np.arange(n) % 160 == 0).astype(float)
    found = off_policy(placements(rewards=rewards, propensities=np.full(n, 1 / 80), target=shows.astype(float)))
    assert (found.max_weight, found.clipped, found.mean_weight) == (80.0, 0.0, pytest.approx(1.0))
    assert found.ips["mean"] == pytest.approx(0.5) == found.snips["mean"]
    assert (found.effective_sample_size, found.rewarded_sample_size) == (pytest.approx(100), pytest.approx(50))
    assert found.reliable


@pytest.mark.parametrize(("n_rewarded", "reliable"), [(0, False), (9, False), (10, True)])
def test_estimates_from_hardly_any_reward_are_not_to_be_relied_on(n_rewarded: int, reliable: bool) -> None:
    """A log of which much agrees with the measured policy, which earned next to nothing there: of no click at all the
    interval has no width."""
    rewards = (np.arange(1_000) < n_rewarded).astype(float)
    found = off_policy(placements(rewards=rewards, propensities=np.ones(1_000), target=np.ones(1_000)))
    assert found.rewarded_sample_size == pytest.approx(n_rewarded)
    assert found.reliable == reliable
    old = {name: value for name, value in found.to_json().items() if name != "rewarded_sample_size"}
    assert OffPolicy.from_json(old).reliable


def test_a_policy_that_the_log_never_shows() -> None:
    found = off_policy(placements(rewards=[1, 0], propensities=[0.5, 0.5], target=[0, 0]))
    assert (found.ips["mean"], found.snips["mean"], found.effective_sample_size) == (0.0, None, 0.0)


def test_what_cannot_be_estimated() -> None:
    with pytest.raises(DataError, match="the log has none"):
        off_policy(placements(rewards=[], propensities=[], target=[]))
    with pytest.raises(DataError, match="propensities above 0"):
        placements(rewards=[1], propensities=[0.0], target=[1])


def test_intervals_hold_the_truth_in_a_simulated_world() -> None:
    """Lists of two positions; each position draws from its own five items. The measured policy takes its best guess."""
    rng = np.random.default_rng(1)
    n_positions, n_items, n_lists, n_runs = 2, 5, 600, 200
    truth = rng.uniform(0.05, 0.6, (n_positions, n_items))  # click rates
    guess = truth + rng.normal(0, 0.15, truth.shape)  # a model of them, not a good one
    logging = np.exp(2 * guess) / np.exp(2 * guess).sum(axis=1, keepdims=True)
    chosen = guess.argmax(axis=1)
    worth = truth[np.arange(n_positions), chosen].mean()
    held = dict.fromkeys(("ips", "snips", "dr"), 0)
    for run in range(n_runs):
        positions = np.tile(np.arange(n_positions), n_lists)
        items = np.array([rng.choice(n_items, p=logging[place]) for place in positions])
        logged = LoggedPlacements(
            rewards=(rng.random(len(positions)) < truth[positions, items]).astype(np.float64),
            propensities=logging[positions, items],
            target=(items == chosen[positions]).astype(np.float64),
            predicted=guess[positions, items],
            expected=guess[positions, chosen[positions]],
            requests=np.repeat(np.arange(n_lists, dtype=np.int32), n_positions),
        )
        found: OffPolicy = off_policy(logged, seed=run, resamples=300)
        for name in held:
            interval = getattr(found, name)
            held[name] += interval["low"] <= worth <= interval["high"]
    assert all(count >= 0.9 * n_runs for count in held.values()), held
