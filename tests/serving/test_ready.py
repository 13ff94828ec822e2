"""A server is ready when every request gets its own answer, one with a query too."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from running import serving_thread
from serving_versions import VersionCopy, publish_copy

from recsys.config import Config
from recsys.data.requests.request import Request
from recsys.registry import Registry
from recsys.store import open_store
from recsys.text.weights import locate
from serving.settings import Settings
from serving.versions.live import LiveState
from serving.watching.metrics import Metrics

LiveStateOf = Callable[[Registry], LiveState]


@pytest.fixture
def live_state() -> Iterator[LiveStateOf]:
    with ExitStack() as stores:

        def state(registry: Registry) -> LiveState:
            settings = Settings.of(Config(), registry.path)
            store = open_store(settings.store)
            stores.callback(store.close)
            return LiveState(settings, registry, store, Metrics())

        yield state


def test_a_server_is_ready_when_it_can_read_texts(registry: Registry, live_state: LiveStateOf) -> None:
    live = live_state(registry)
    assert live.what_is_missing == "no version is loaded yet"
    live.refresher.refresh()
    assert live.served.recommender().recommend(Request(n=1)).ids, "lists are made before that"
    assert live.what_is_missing == "the text encoder is not loaded yet"
    live.load()
    assert live.what_is_missing == ""


def test_the_first_query_of_a_ready_server_is_answered(registry: Registry) -> None:
    with serving_thread(Settings.of(Config(), registry.path)) as http:
        answer = http.post("/v1/recommend", json={"context": {"query": "tomato seeds"}}).json()
        assert answer["degraded"] == []
        assert answer["items"][0]["item_id"].startswith("garden-0")


def test_a_version_that_takes_the_place_of_another_can_read_texts_at_once(
    registry: Registry, live_state: LiveStateOf
) -> None:
    live = live_state(registry)
    live.load()
    second = publish_copy(registry, registry.resolve(None), promote=True)
    live.refresher.refresh()
    assert live.served.require().version == second
    assert live.what_is_missing == ""


def test_a_server_whose_encoder_is_gone_says_so_and_answers_without(
    registry: Registry, live_state: LiveStateOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = shutil.copytree(locate("all-MiniLM-L6-v2"), tmp_path / "encoder")
    version = registry.resolve(None)

    def name_own_encoder(folder: Path) -> None:
        interest = folder / "text" / "interest.json"
        interest.write_text(json.dumps(json.loads(interest.read_text()) | {"encoder": str(encoder)}))

    registry.publish(replace(VersionCopy.of(registry, version), edit=name_own_encoder), parent=version)
    live = live_state(registry)
    live.refresher.refresh()
    shutil.rmtree(encoder)
    live.load()
    assert live.what_is_missing == ""
    assert len([record for record in caplog.records if f"{encoder} does not exist" in record.getMessage()]) == 1
    assert live.served.recommender().recommend(Request(n=3)).degraded == ()
