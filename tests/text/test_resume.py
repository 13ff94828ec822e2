"""An interrupted training goes on where it was, and ends as if nothing had happened."""

from pathlib import Path

import numpy as np
import pytest
from text_world import check_often, given, judge_stages, tiny_settings

from recsys.config import TextConfig
from recsys.data.log.interactions import InteractionLog
from recsys.text.fitting import InterestFitting


@pytest.fixture(scope="module")
def settings(tiny_encoder: str) -> TextConfig:
    return tiny_settings(tiny_encoder, epochs=2, peft="lora")


class Interrupting:
    """Progress that ends the training when a line is said for the n-th time."""

    def __init__(self, line: str, n: int = 1) -> None:
        self.line, self.left = line, n

    def __call__(self, message: str, /) -> None:
        self.left -= self.line in message
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("peft", "stage"), [("lora", "network step"), ("adalora", "adalora step")])
def test_an_interrupted_training_ends_as_one_that_was_not(
    peft: str, stage: str, texts: list[str], log: InteractionLog, settings: TextConfig, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    check_often(monkeypatch)
    judge_stages(monkeypatch, as_better=True)  # the adapter's weights count too
    config = settings.model_copy(update={"peft": peft})
    expected = InterestFitting(texts, log, config, minutes=5).run()
    interrupting = Interrupting(stage, 3)
    with pytest.raises(KeyboardInterrupt):
        InterestFitting(texts, log, config, minutes=5, checkpoint=tmp_path, progress=interrupting).run()
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]
    said: list[str] = []
    resumed = InterestFitting(texts, log, config, minutes=5, checkpoint=tmp_path, progress=said.append).run()
    assert any("goes on from step" in line for line in said)
    assert not list(tmp_path.iterdir())
    assert np.allclose(resumed.score(given([1, 2], [])), expected.score(given([1, 2], [])), atol=1e-4)
    steps = [(point.stage, point.step, round(point.ndcg, 4)) for point in resumed.curve]
    assert steps == [(point.stage, point.step, round(point.ndcg, 4)) for point in expected.curve]


def test_a_checkpoint_of_another_training_is_not_taken_up(
    texts: list[str], log: InteractionLog, settings: TextConfig, tmp_path: Path
) -> None:
    plain = settings.model_copy(update={"peft": "none"})
    with pytest.raises(KeyboardInterrupt):
        InterestFitting(
            texts, log, plain, minutes=5, checkpoint=tmp_path, progress=Interrupting("network step", 2)
        ).run()
    said: list[str] = []
    InterestFitting(texts, log, plain, minutes=5, seed=1, checkpoint=tmp_path, progress=said.append).run()
    assert not any("goes on" in line for line in said)
