"""Processes that train together learn what one alone does, go on after an interruption, and fail as one."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from text_world import check_often, given, judge_stages, tiny_settings

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError
from recsys.pipeline.engines.processes import Processes
from recsys.progress import Progress, silent
from recsys.text.examples import Examples
from recsys.text.fitting import InterestFitting
from recsys.text.network import InterestNetwork
from recsys.text.team import ALONE, Team
from recsys.text.training.losses import batch_loss
from recsys.text.training.sampling import PassedOver, Sampler
from recsys.text.training.stage import Stage
from recsys.text.training.stages import Learned

Work = Callable[[Team, Progress], Learned]


@contextmanager
def exactly(work: Work) -> Iterator[pytest.MonkeyPatch]:
    """Train without dropout, whose draws depend on who does what; with checks after few steps, and the adapter kept."""
    with pytest.MonkeyPatch.context() as patch:
        check_often(patch)
        judge_stages(patch, as_better=True)
        patch.setattr("recsys.text.network._TOKEN_DROPOUT", 0.0)
        patch.setattr("recsys.text.tuning.methods._DROPOUT", 0.0)
        for module in work.__self__.start.network.modules():  # type: ignore[attr-defined]
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        yield patch


def alone(work: Work, progress: Progress, /) -> Learned:
    """Train here."""
    with exactly(work):
        return work(ALONE, progress)


def interrupted(work: Work, team: Team, progress: Progress) -> Learned:
    """Train until the encoder is tuned a little, and go on from the checkpoint of that."""
    step, again = Stage.step, deepcopy(work)

    def or_stop(stage: Stage, done: float) -> float:
        if len(stage.learner.curve) > 6:
            raise KeyboardInterrupt
        return step(stage, done)

    with exactly(work) as patch:
        patch.setattr(Stage, "step", or_stop)
        with pytest.raises(KeyboardInterrupt):
            work(team, progress)
    with exactly(again):
        return again(team, progress)


def in_two(work: Work, progress: Progress, /) -> Learned:
    """Train in two processes."""
    return Processes(2).together(partial(interrupted, work), progress)


def test_two_learn_what_one_learns_and_go_on_after_an_interruption(
    texts: list[str], log: InteractionLog, tiny_encoder: str, tmp_path: Path
) -> None:
    config = tiny_settings(tiny_encoder, epochs=1, learning_rate=2e-3, peft="lora")
    expected = InterestFitting(texts, log, config, minutes=9, together=alone).run()
    said: list[str] = []
    found = InterestFitting(
        texts, log, config, minutes=9, checkpoint=tmp_path, together=in_two, progress=said.append
    ).run()
    assert [line for line in said if "goes on from step" in line] == ["text: lora goes on from step 7"]
    assert not list(tmp_path.iterdir())
    assert [(p.stage, p.step) for p in found.curve] == [(p.stage, p.step) for p in expected.curve]
    for ours, theirs in zip(found.curve, expected.curve, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, abs=0.01)
        assert ours.ndcg == pytest.approx(theirs.ndcg, abs=0.05)
    assert found.reader.encoder.tuning is not None
    np.testing.assert_allclose(found.item_vectors, expected.item_vectors, atol=0.02)
    histories = given([1, 2], [9], [])
    np.testing.assert_allclose(found.score(histories), expected.score(histories), atol=0.1)


def test_the_shares_of_a_batch_add_up_to_its_loss(texts: list[str], log: InteractionLog) -> None:
    torch.manual_seed(0)
    network = InterestNetwork(8, 4, 5, 3).eval()
    sampler = Sampler(Examples.from_log(log, 5), len(texts), 5, 3, 16, PassedOver.from_log(log))
    batch = sampler.draw(np.arange(100, 102), np.random.default_rng(0))
    read = torch.nn.functional.normalize(torch.randn(len(batch.items), 8), dim=-1)
    shares = [batch_loss(network, read, batch, Team(rank, 3)).item() for rank in range(3)]  # one has no target
    assert sum(shares) == pytest.approx(batch_loss(network, read, batch).item(), rel=1e-5)


def fail(team: Team, progress: Progress) -> None:
    """The second one finds that something is missing, while the first one waits for it."""
    if team.rank == 1:
        raise ConfigError("nothing here")
    team.max(0.0)


def test_an_error_of_one_ends_all() -> None:
    with pytest.raises(ConfigError, match="nothing here"):
        Processes(2).together(fail, silent)


def speaking(team: Team, progress: Progress) -> int:
    """Only the first one has something to say."""
    progress("one")
    progress("two")
    return team.size


def test_what_was_said_is_heard_though_all_have_ended() -> None:
    heard: list[str] = []

    def slow(message: str) -> None:
        heard.append(message)
        for child in multiprocessing.active_children():
            child.join()

    assert Processes(2).together(speaking, slow) == 2
    assert heard == ["one", "two"]


def test_a_teacher_is_not_trained_together(texts: list[str], log: InteractionLog, tiny_encoder: str) -> None:
    config = TextConfig(encoder=tiny_encoder, max_tokens=16, distil=1.0)
    with pytest.raises(ConfigError, match=r"text\.distil"):
        InterestFitting(texts, log, config, minutes=1, together=in_two).run()
