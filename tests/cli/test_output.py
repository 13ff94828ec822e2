"""Tables of text from the data, and figures in words."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from recsys.cli.figures import print_figures
from recsys.cli.output import command, print_table


def test_text_of_the_data_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    titles = ["toys:dog:food", "1:100: scale", "[bold]word[/bold]", "[/]"]
    print_table(["title"], [[title] for title in titles], title="of :heart:")
    lines = [line.strip() for line in capsys.readouterr().out.strip().splitlines()]
    assert lines[0] == "of :heart:"
    assert lines[-len(titles) :] == titles


def test_on_a_narrow_terminal_only_the_first_figure_has_its_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all of them, a row took three lines and names were cut: transitio…"""
    interval = {"mean": 0.25, "low": 0.125, "high": 0.5}
    metrics = dict.fromkeys(("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10"), interval)
    report: dict[str, Any] = {"n_requests": 3, "version": "v1", "metrics": metrics, "ablation": {}, "slices": {}}
    names = ("transitions", "popularity in the user's categories, which is long")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_figures({**report, "baselines": dict.fromkeys(names, metrics)})
    shown = [re.sub(r"\x1b\[[\d;]*m", "", line).split() for line in capsys.readouterr().out.splitlines()]
    assert ["ranking", "ndcg", "recall", "hit", "rate", "mrr", "coverage"] in shown
    assert ["transitions", "0.250", "[0.125,", "0.500]", *["0.250"] * 4] in shown


def test_a_command_can_be_typed_where_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `make demo` no environment is active, and the shell finds no `recsys`, or another one."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert command("train", "my data") == f"{folder / 'python'} -m recsys train 'my data'"
    (folder / "recsys").touch(mode=0o755)
    assert command("train", "my data") == ".venv/bin/recsys train 'my data'"
    monkeypatch.chdir(folder)
    assert command("train") == f"{folder / 'recsys'} train"
    monkeypatch.setenv("PATH", str(folder))
    assert command("train") == "recsys train"


def test_a_title_is_not_broken_at_the_width_of_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a"], [["b"]], title="a title that is far wider than its table")
    assert capsys.readouterr().out.splitlines()[0] == "a title that is far wider than its table"


def test_one_long_cell_makes_no_long_rule(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a"], [["b" * 3_000]])
    lines = capsys.readouterr().out.splitlines()
    (rule,) = (line for line in lines if "─" in line)
    assert len(rule) < 200 < 3_000 < max(map(len, lines))


def test_no_text_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["title"], [["a\x1b[2Jb"]], title="of \x07u1")
    shown = capsys.readouterr().out
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in shown
    assert "of \N{REPLACEMENT CHARACTER}u1" in shown


@pytest.mark.parametrize(("reliable", "told"), [(True, ""), (False, "; do not rely on it: too little of what was")])
def test_what_lists_would_have_earned_is_printed_with_how_far_to_trust_it(
    reliable: bool, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    earned = {"mean": 0.25, "low": 0.125, "high": 0.5}
    off_policy = {**dict.fromkeys(("logged", "ips", "snips", "dr"), earned), "reliable": reliable}
    report: dict[str, Any] = {"n_requests": 3, "version": "v1", "metrics": {}, "baselines": {}, "ablation": {}}
    print_figures({**report, "slices": {}, "off_policy": off_policy})
    line = capsys.readouterr().out.strip().splitlines()[-1]
    figure = "0.2500 [0.1250, 0.5000]"
    estimates = f"IPS {figure}, SNIPS {figure}, doubly robust {figure}"
    assert line.startswith(f"reward per position: shown lists {figure}; these lists, estimated: {estimates}{told}")
    assert line.endswith("]") == reliable


def test_simpler_rankings_stand_below_the_pipeline_best_first_and_kinds_of_requests_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report: dict[str, Any] = {"n_requests": 3, "version": "v1", "metrics": {}}
    report["baselines"] = {"popularity": {}, "ALS": {"ndcg@10": {"mean": 0.25, "low": 0.25, "high": 0.25}}}
    slices, sizes = {"cold_item": {}, "heavy": {}, "light": {}}, {"cold_item": 1_200, "heavy": 0, "light": 7}
    print_figures({**report, "ablation": {"without text": {}}, "slices": slices, "slice_sizes": sizes}, "Found **it**.")
    lines = capsys.readouterr().out.strip().splitlines()
    names = [re.split("  -|  0", line)[0].strip() for line in lines if line.strip()][-8:-1]
    kinds = ["full pipeline on", "cold item (1,200)", "light (7)"]
    assert names == ["full pipeline", "without text", "ALS", "popularity", *kinds]
    assert lines[-1] == "Found **it**."
