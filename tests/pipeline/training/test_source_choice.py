"""How much each source counts among the candidates: as much as the ranker window says, and never nothing."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames
from recsys.pipeline.candidates.source_weights import SourceWeights
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.continued import continue_training
from recsys.pipeline.training.past_proposals import PastProposals
from recsys.pipeline.training.train import train
from recsys.registry import Registry

SOURCES = ("transitions", "neighbours", "als", "popular", "categories")


def proposals_of(lists: Sequence[np.ndarray], rows: np.ndarray, targets: np.ndarray, n_items: int) -> PastProposals:  # type: ignore[type-arg]
    """Of sources "a", "b", ...; all users have a history, and all items may be listed."""
    eligible = np.ones((len(lists[0]), n_items), dtype=bool)
    sources, known = tuple("abc"[: len(lists)]), eligible[:, 0]
    return PastProposals._of_lists(sources, lists, rows, targets.astype(np.int32), known, eligible)


def proposals(n_requests: int, seed: int = 0, n: int = 20, n_items: int = 100) -> PastProposals:
    """A source that has what is wanted among its first five, and two that list items by chance."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(n_items, size=n_requests)
    lists = [rng.random((n_requests, n_items)).argsort(axis=1)[:, :n].astype(np.int32) for _ in range(3)]
    lists[1][np.arange(n_requests), rng.integers(5, size=n_requests)] = targets
    return proposals_of(lists, np.arange(n_requests), targets, n_items)


def values(found: PastProposals) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([*found.weights().values()])


def test_who_finds_what_is_wanted_counts_most() -> None:
    found = proposals(400)
    weights = found.weights()
    assert np.mean([*weights.values()]) == pytest.approx(1, abs=1e-3)
    assert weights["b"] > 10 * max(weights["a"], weights["c"])
    assert min(weights.values()) > 0, "where no other source proposes anything, its order holds"
    assert found.recalls(SourceWeights(weights), 10).mean() > found.recalls(SourceWeights(), 10).mean() + 0.1


def test_few_requests_say_little() -> None:
    spreads = [values(proposals(n)).std() for n in (0, 2, 10, 100)]
    assert spreads[0] == 0
    assert spreads == sorted(spreads)
    assert spreads[1] < 0.5


@settings(max_examples=20)
@given(st.integers(0, 30), st.integers(0, 2**31))
def test_weights_are_above_zero_and_one_on_the_whole(n_requests: int, seed: int) -> None:
    weights = values(proposals(n_requests, seed, n=5, n_items=6))
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1, abs=1e-3)


def test_the_share_found_of_what_was_wanted() -> None:
    """Two requests: the first wants items 0 and 3, of which 3 is proposed by nobody; the second wants item 2."""
    lists = [np.array([[0, 1], [1, -1]], dtype=np.int32), np.array([[1, -1], [2, 0]], dtype=np.int32)]
    rows, targets = np.array([0, 0, 1]), np.array([0, 3, 2], dtype=np.int32)
    found = proposals_of(lists, rows, targets, 4)
    assert found.recalls(SourceWeights({"a": 2.0}), 2).tolist() == [0.5, 1.0]
    assert found.recalls(SourceWeights({"a": 2.0}), 1).tolist() == [0.0, 0.0], "item 1 comes first in both"
    assert found.recalls(SourceWeights({"b": 64.0}), 1).tolist() == [0.0, 1.0]
    of_b = found.among(["b"]).recalls(SourceWeights(), 2)
    assert of_b.tolist() == pytest.approx([1 / 3, 1.0]), "one of the other three items fills up the first list"
    assert found.recalls(SourceWeights(), 4).tolist() == [1.0, 1.0], "all there are"


def test_without_any_source_chance_fills_up_the_candidates() -> None:
    found = proposals(10).among([])
    assert found.weights() == {}
    assert found.recalls(SourceWeights(), 20).tolist() == pytest.approx([0.2] * 10), "20 of 100 items"


def test_newcomers_have_weights_of_their_own() -> None:
    """What is proposed to users with a history says nothing of others."""
    found = proposals(100)
    half = np.arange(100) % 2 == 0
    some = replace(found, has_history=half)
    assert some.to_known_users().weights() != found.weights()
    assert replace(found, has_history=~half | half).to_known_users().weights() == found.weights()
    assert {*replace(found, has_history=half & ~half).to_known_users().weights().values()} == {1.0}
    for_newcomers = SourceWeights(newcomers={"b": 64.0}).of("b", half)
    assert for_newcomers.tolist() == [1.0, 64.0] * 50


def shelves() -> tuple[pl.DataFrame, pl.DataFrame]:
    """600 books on 30 shelves, each of which is chosen about five times: who likes a shelf is all there is to know."""
    rng = np.random.default_rng(0)
    shelf = np.arange(600) % 30
    items = pl.DataFrame(
        {
            "item_id": [f"book {number}" for number in range(600)],
            "title": [f"volume {number}" for number in range(600)],
            "tags": [[f"shelf {one}"] for one in shelf],
        }
    )
    users = rng.integers(300, size=3_000)
    liked = np.where(rng.random(3_000) < 0.9, users % 30, rng.integers(30, size=3_000))
    events = pl.DataFrame(
        {
            "user_id": [f"reader {user}" for user in users],
            "item_id": [f"book {30 * rng.integers(20) + one}" for one in liked],
            "event": "click",
            "timestamp": [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(3_000)],
        }
    )
    return items, events


@pytest.fixture(scope="module")
def config(plain_settings: tuple[str, ...]) -> Config:
    return load_config(None, (*plain_settings, f"candidates.sources={[*SOURCES]}".replace("'", '"'), "candidates.n=30"))


@pytest.fixture(scope="module")
def library(config: Config) -> Dataset:
    return dataset_from_frames(*shelves(), config)


@pytest.fixture(scope="module")
def version(library: Dataset, config: Config) -> Bundle:
    return train(library, config)


def test_a_training_gives_the_positions_to_the_source_that_knows(version: Bundle) -> None:
    weights = version.sources.weights
    assert weights.known.keys() == weights.newcomers.keys() == {*SOURCES}
    assert weights.known["categories"] == max(weights.known.values()) > 2
    assert weights.newcomers["categories"] < 2, "nobody knows what they like"
    report = version.report.candidates
    assert report is not None
    assert report.weights == asdict(weights)
    assert report.merged > 0.5, "with 30 of 600 candidates, where all count alike a third"


def test_a_training_does_without_a_source_that_these_data_do_not_have(library: Dataset, config: Config) -> None:
    """Nothing is known of the readers; then chance says what is ranked."""
    version = train(library, config.changed(candidates={"sources": ("profiles",), "n": 100}))
    assert version.sources.names == ()
    assert version.sources.weights == SourceWeights()


def test_a_version_keeps_its_weights(
    version: Bundle, library: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    registry.publish(version)
    loaded = Bundle.load(registry)
    assert loaded.sources.weights == version.sources.weights
    again = continue_training(loaded, library, test_start=int(library.log.times[-300]))
    assert again.sources.weights == version.sources.weights
