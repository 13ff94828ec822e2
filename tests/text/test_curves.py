"""Learning curves are kept, drawn and logged."""

from pathlib import Path

import pytest

from recsys.text.curves import Point, TensorBoardLog, draw_curve, load_curve, save_curve

CURVE = (
    Point("network", 0, 0.0, None, 0.1),
    Point("network", 10, 2.0, 5.0, 0.2),
    Point("lora", 0, 2.5, None, 0.2),
    Point("lora", 5, 6.0, 4.5, 0.25),
)


def test_a_loaded_curve_is_the_same(tmp_path: Path) -> None:
    save_curve(CURVE, tmp_path / "curve.json")
    assert load_curve(tmp_path / "curve.json") == CURVE


@pytest.mark.parametrize("curve", [CURVE, CURVE[:1], ()])
def test_the_picture_has_a_line_for_each_stage(curve: tuple[Point, ...], tmp_path: Path) -> None:
    figure = draw_curve(curve)
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1_000
    assert {line.get_label() for line in figure.axes[1].lines} == {point.stage for point in curve}


def test_points_are_written_for_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="recsys[tensorboard] is not installed")
    log = TensorBoardLog(tmp_path)
    for point in CURVE:
        log.add(point)
    log.close()
    assert list(tmp_path.glob("events.out.tfevents.*"))
