"""Ray on two real nodes of this machine: the trials and models of one process, and its lists, whoever is killed.

Run by test_ray_cluster.py, in a process of its own: `pytest tests/pipeline/engines/on_two_ray_nodes.py` runs it alone.
"""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from pipeline_world import trials

from recsys.config import Config, TextConfig
from recsys.data.dataset import Dataset
from recsys.errors import BundleError, DataError
from recsys.pipeline.engines import ray_cluster
from recsys.pipeline.engines.ray_cluster import RayCluster
from recsys.pipeline.offline import batch
from recsys.pipeline.offline.batch import UserRequests, rank_part, rank_to_parquet
from recsys.pipeline.offline.caught_up import CaughtUp
from recsys.pipeline.offline.published import PublishedVersion
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training.train import train
from recsys.progress import Progress
from recsys.rank.tuning import in_this_process
from recsys.registry import Registry
from recsys.text.cache import VectorCache
from recsys.text.fitting import InterestFitting
from recsys.text.interest import InterestModel
from recsys.text.team import ALONE, Team, Together
from recsys.text.training.stage import Stage
from recsys.text.training.stages import Learned

_MEMORY = 80 * 2**20
"""Of each node's object store; the least that Ray takes."""


_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([*map(str, Path(__file__).parents[:3]), os.environ.get("PYTHONPATH", "")]),
    "RAY_AUTH_MODE": "disabled",  # no token in the home directory
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # one process less
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",
    "RAY_worker_niceness": "0",  # by default a worker waits for everybody else on a busy machine
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each, without a dashboard; this process is connected to them."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": _MEMORY, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        nodes = Cluster(initialize_head=False)
        try:
            try:
                nodes.add_node(**node)
                nodes.add_node(num_cpus=1, object_store_memory=_MEMORY)
                ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
            except Exception as error:
                pytest.exit(f"Ray does not start: {error}", returncode=77)
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


def opened(published: PublishedVersion, folder: Path) -> Recommender:
    """The version; a file tells on which node."""
    (folder / ray.get_runtime_context().get_node_id()).touch()
    return published.open()


def rank_or_die(marker: Path, recommender: Recommender, number: int, requests: Any) -> batch.Part:
    """Rank, but the first process that comes to the second part is killed in it."""
    if number == 1:
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return rank_part(recommender, number, requests)
        recommender.recommend_many(requests[:3])
        os.kill(os.getpid(), signal.SIGKILL)
    return rank_part(recommender, number, requests)


def test_a_killed_worker_changes_nothing(
    cluster: Any, plain_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_REQUESTS_PER_PART", 12)
    recommender = Recommender.load(plain_registry)
    requests = UserRequests([f"user {number}" for number in range(60)], 5)
    one, many, marker = (tmp_path / name for name in ("one.parquet", "many.parquet", "killed"))
    nodes, events = tmp_path / "nodes", tmp_path / "events"
    nodes.mkdir()
    expected = rank_to_parquet(recommender, requests, one)
    monkeypatch.setattr(batch, "rank_part", partial(rank_or_die, marker))
    published = PublishedVersion.of(CaughtUp.as_trained(recommender.bundle), plain_registry.path, events)
    spread = partial(RayCluster().run, partial(opened, published, nodes))
    assert rank_to_parquet(recommender, requests, many, spread=spread) == expected
    assert marker.exists(), "one was killed"
    assert len(list(nodes.iterdir())) == 2, "one process a node"
    assert many.read_bytes() == one.read_bytes()


def test_an_error_comes_back_as_it_is(cluster: Any, plain_registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no version"):
        list(
            RayCluster(1).run(
                PublishedVersion(plain_registry.path, "20240101T000000Z-000000", "", tmp_path).open,
                rank_part,
                [(0, [])],
            )
        )


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_always_kills_ends_the_run(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_DEATHS", 0)
    with pytest.raises(DataError, match="again and again"):
        list(RayCluster(1).run(die, print, [()]))


def test_settings_tried_by_two_nodes(cluster: Any) -> None:
    pytest.importorskip("optuna")
    assert trials(4, RayCluster().run) == trials(4, in_this_process)


def test_two_nodes_fit_the_rankers_of_one_process(
    cluster: Any, early: Dataset, plain_config: Config, tmp_path: Path
) -> None:
    ablated = plain_config.changed(ranker={"ablation": True})
    one, two = train(early, ablated), train(early, ablated, engine=RayCluster())
    for name, bundle in (("one", one), ("two", two)):
        bundle.rankers.save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "without_behaviour.txt" in files
    for name in files:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def plainly_or_die(folder: Path, work: Callable[[Team, Progress], Learned], team: Team, progress: Progress) -> Learned:
    """Train without dropout, whose draws depend on who does what; a file tells on which node. The second process is
    killed in the fourth step, once."""
    (folder / "nodes" / ray.get_runtime_context().get_node_id()).touch()
    step, marker = Stage.step, folder / "killed"

    def step_or_die(stage: Stage, done: float) -> float:
        if team.rank == 1 and stage.position.step == 3 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(stage, done)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "step", step_or_die)
        return undropped(work, team, progress)


def undropped(work: Callable[[Team, Progress], Learned], team: Team, progress: Progress) -> Learned:
    """Train without dropout, with a check after each step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys.text.training.stage._STEPS_BETWEEN_CHECKS", 1)
        patch.setattr("recsys.text.network._TOKEN_DROPOUT", 0.0)
        for module in work.__self__.start.network.modules():  # type: ignore[attr-defined]
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        return work(team, progress)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own
def test_two_nodes_train_the_text_model_that_one_process_trains_whoever_is_killed(
    cluster: Any, world: Dataset, tmp_path: Path
) -> None:
    config = TextConfig(max_tokens=16, epochs=3, peft="none")
    cache, nodes = VectorCache(tmp_path / "vectors"), tmp_path / "nodes"
    nodes.mkdir()

    def fit(together: Together) -> InterestModel:
        texts, log = world.catalogue.texts, world.log
        return InterestFitting(
            texts, log, config, minutes=9, cache=cache, together=together, progress=said.append
        ).run()

    said: list[str] = []
    one = fit(lambda work, progress: undropped(work, ALONE, progress))
    said.clear()
    two = fit(lambda work, progress: RayCluster().together(partial(plainly_or_die, tmp_path, work), progress))
    assert len(list(nodes.iterdir())) == 2, "one process a node"
    assert (tmp_path / "killed").exists()
    assert [line[:22] for line in said] == [f"text: network step {step}/9" for step in (*range(1, 4), *range(1, 10))]
    assert [point.step for point in two.curve] == [point.step for point in one.curve]
    losses = [[point.loss for point in model.curve[1:]] for model in (two, one)]
    np.testing.assert_allclose(*losses, atol=0.02)
    np.testing.assert_allclose(two.item_vectors, one.item_vectors, atol=0.02)
    assert two.curve[-1].ndcg == pytest.approx(one.curve[-1].ndcg, abs=0.05)
