"""`recsys data` as people call it."""

import json
import sys
from pathlib import Path

import pytest

from recsys.cli.main import main

ITEMS = "item_id,title\ni1,Lamp\n"
EVENTS = "user_id,item_id,event,timestamp\nu1,i1,click,2024-01-01\nu1,i1,click,2024-01-02\n"


@pytest.fixture(autouse=True)
def activated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment, as by `. .venv/bin/activate`."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))


def test_list_shows_names_and_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert "amazon-2018/CATEGORY" in shown
    assert "CC BY 4.0" in shown
    assert main(["data", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["datasets"]) == 8


def test_get_writes_a_directory_and_prints_the_licence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,A (1999),Drama\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,1,4.5,964982703\n")
    out = tmp_path / "my films"
    assert main(["data", "get", "movielens-small", "--from", str(tmp_path), "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "licence: GroupLens" in captured.err
    assert f"next: recsys train '{out}' --registry REG" in captured.err
    assert main(["data", "check", str(out), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["items"], summary["users"], summary["events"]) == (1, 1, {"rating": 1})
    assert not (out / "rejected.jsonl").exists()


def test_get_names_the_nearest_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "get", "movielens", "--out", str(tmp_path)]) == 2
    assert "the nearest one is" in capsys.readouterr().err


def test_check_lists_bad_rows_even_when_there_are_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "events.csv").write_text(f"{EVENTS}u1,i1,click,never\n")
    assert main(["data", "check", str(tmp_path)]) == 3
    captured = capsys.readouterr()
    assert "events      2: 2 click" in captured.out
    assert "interest    2 of the events" in captured.out
    assert "repeats     50.0%" in captured.out
    assert f"1 rejected row is in {tmp_path / 'rejected.jsonl'}" in captured.err
    assert "1 of 3 rows rejected" in captured.err
    assert json.loads((tmp_path / "rejected.jsonl").read_text())["line"] == 4
    assert main(["data", "check", str(tmp_path), "--set", "data.max_rejected=0.5"]) == 0
    capsys.readouterr()
    (tmp_path / "events.csv").write_text(f"{EVENTS}u1,i1,click,2024-01-03\n")
    assert main(["data", "check", str(tmp_path)]) == 0
    assert f"next: recsys train {tmp_path} --registry REG" in capsys.readouterr().err
    assert not (tmp_path / "rejected.jsonl").exists()


def test_check_says_where_training_will_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "events.csv").write_text(EVENTS)
    assert main(["data", "check", str(tmp_path)]) == 0
    shown = capsys.readouterr().err
    assert "training will refuse this: the log has positive events at 2 distinct times; three are needed" in shown
    assert "next:" not in shown


def test_check_names_the_columns_that_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that one with another name is missed before the training, and not after it."""
    (tmp_path / "items.csv").write_text(
        "item_id,title,price,colour,brand,available\ni1,Lamp,2,red,,no\ni2,Chair,,red,,yes\n"
    )
    (tmp_path / "events.csv").write_text(EVENTS)
    assert main(["data", "check", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "items       2, 1 of them available, 0.0% with a description" in shown
    assert "columns     price 50%, colour 100%\n" in shown


def test_names_of_events_do_not_colour_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "events.csv").write_text(EVENTS.replace("click", "\x1b[31mclick"))
    assert main(["data", "check", str(tmp_path)]) == 0
    assert "2 \N{REPLACEMENT CHARACTER}[31mclick" in capsys.readouterr().out


def test_check_says_what_an_empty_folder_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(tmp_path)]) == 3
    assert "has no items file (it is empty)" in capsys.readouterr().err
