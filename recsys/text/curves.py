"""Learning curves: as data, as a picture, and as TensorBoard logs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Point:
    """One check of a training.

    Attributes:
        stage: "network", or the way in which the encoder is tuned.
        step: steps of the stage so far.
        seconds: seconds of training so far, over all stages.
        loss: mean since the check before; None before the first step.
        ndcg: validation ndcg@10.
    """

    stage: str
    step: int
    seconds: float
    loss: float | None
    ndcg: float


def save_curve(curve: Sequence[Point], path: Path) -> None:
    """Write the points as JSON."""
    path.write_text(json.dumps([asdict(point) for point in curve], indent=1), encoding="utf-8")


def load_curve(path: Path) -> tuple[Point, ...]:
    """Read what `save_curve` wrote."""
    return tuple(Point(**point) for point in json.loads(path.read_text(encoding="utf-8")))


def draw_curve(curve: Sequence[Point]) -> "Figure":
    """Loss and validation ndcg@10 over the seconds of training, a line for each stage.

    Save it with `.savefig(path)`, or show it as the last value of a notebook's cell.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots(1, 2)
    for stage in dict.fromkeys(point.stage for point in curve):
        points = [point for point in curve if point.stage == stage]
        learned = [(point.seconds, point.loss) for point in points if point.loss is not None]
        axes[0].plot([x for x, _ in learned], [y for _, y in learned], marker=".", label=stage)
        axes[1].plot([point.seconds for point in points], [point.ndcg for point in points], marker=".", label=stage)
    for one, title in zip(axes, ("training loss", "validation ndcg@10"), strict=True):
        one.set(title=title, xlabel="seconds of training")
        if curve:
            one.legend()
    return figure


class TensorBoardLog:
    """Writes points as they come, for `tensorboard --logdir FOLDER`."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where tensorboard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("text.tensorboard: install recsys[tensorboard] to write its logs") from error
        self._writer = SummaryWriter(str(folder))

    def add(self, point: Point) -> None:
        """Write one point; it can be seen at once."""
        if point.loss is not None:
            self._writer.add_scalar(f"{point.stage}/loss", point.loss, point.step)
        self._writer.add_scalar(f"{point.stage}/validation ndcg@10", point.ndcg, point.step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
