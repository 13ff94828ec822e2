"""Live gives what columnar gives on the real data sets, at a sample of moments."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from features.declarations import FEATURES
from features.feature_set import FeatureSet
from features.item_facts import ItemFacts
from features.pairs import PairBatch
from features.state import EventState
from recsys.data.datasets.movielens import read_movielens_small
from recsys.data.datasets.online_retail import read_online_retail
from recsys.data.datasets.source import write_dataset
from recsys.data.loading import load_dataset

pytestmark = pytest.mark.real_data

N_MOMENTS, N_CANDIDATES = 25, 60


READERS = {"movielens-small": read_movielens_small, "online-retail": read_online_retail, "scientific": None}


@pytest.mark.parametrize("name", READERS)
def test_live_is_columnar_on_real_data(name: str, real_data_set: Callable[[str], Path], tmp_path: Path) -> None:
    folder = real_data_set(name)
    if (read := READERS[name]) is not None:
        write_dataset(tmp_path, read(folder))
    dataset = load_dataset(folder if read is None else tmp_path)
    log, rng = dataset.log, np.random.default_rng(0)
    features, facts = FeatureSet.choose(("behaviour", "context"), ()), ItemFacts.of(dataset.catalogue, {}, {})
    assert {feature.name for feature in features.features} > {"item_rate", "user_tag_share", "item_acts_decayed"}
    assert len(features.features) < len(FEATURES)

    asked = np.sort(rng.choice(np.arange(len(log) // 2, len(log)), N_MOMENTS, replace=False))
    times, users = log.times[asked], log.users[asked]
    items = np.sort([rng.choice(log.items, N_CANDIDATES) for _ in asked], axis=1).astype(np.int32)

    def table(state: EventState, first: int, last: int) -> np.ndarray:  # type: ignore[type-arg]
        histories = state.histories(users[first:last], times[first:last], 100)
        rows = np.repeat(np.arange(last - first), N_CANDIDATES)
        pairs = rows, items[first:last].ravel(), {}
        return features.compute(PairBatch(histories, histories.now, *pairs, state, users[first:last], facts))

    expected = table(EventState(log), 0, N_MOMENTS).reshape(N_MOMENTS, N_CANDIDATES, -1)
    live, known = EventState(log.select(slice(0, 0))), 0
    for moment, place in enumerate(asked):
        live.append(log.select(slice(known, place + 1)))
        known = place + 1
        found = table(live, moment, moment + 1)
        np.testing.assert_allclose(found, expected[moment], rtol=1e-6, atol=1e-6, equal_nan=True)
