"""`recsys models`: list, show, promote, rollback, diff."""

import argparse
import json
from pathlib import Path

import pytest
from registry_child import publish

from recsys.cli import models
from recsys.errors import BundleError
from recsys.registry import Check, Registry


def recsys_models(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["models", *map(str, arguments)])
    code: int = parsed.run(parsed)
    return code


def test_versions_are_listed_shown_promoted_and_rolled_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry(tmp_path)
    first = publish(registry, "one", parent=None)
    second = publish(registry, "two", parent=first)

    def answer(*arguments: object) -> dict[str, object]:
        assert recsys_models(*arguments, "--registry", tmp_path, "--json") == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    listed = answer("list")
    assert listed["current"] == second
    assert [(row["version"], row["current"], row["parent"]) for row in listed["versions"]] == [  # type: ignore[attr-defined]
        (first, False, None),
        (second, True, first),
    ]
    shown = answer("show", first)
    assert shown["version"] == first
    assert set(shown["files"]) == {"cf/factors.npy", "top.txt"}  # type: ignore[call-overload]
    assert answer("promote", first, "--why", "it is better") == {"current": first}
    assert registry.history()[-1].why == "it is better"
    assert answer("rollback") == {"current": second}
    assert answer("diff", first, second)["differences"] == {"parent": {"first": None, "second": first}}


def test_list_show_and_diff_show_damaged_versions_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry(tmp_path / ("long" * 40))
    first, second = publish(registry, "one"), publish(registry, "two")
    (registry.path / "versions" / first / "manifest.json").write_text("{")
    assert recsys_models("list", "--registry", registry.path) == 0
    output = capsys.readouterr().out
    assert first in output
    assert second in output
    assert "manifest.json cannot be read" in output
    assert recsys_models("show", second, "--registry", registry.path) == 0
    assert "cf.factors" in capsys.readouterr().out
    assert recsys_models("diff", second, second, "--registry", registry.path) == 0
    assert "nothing differs" in capsys.readouterr().out
    with pytest.raises(BundleError, match=r"manifest\.json"):
        recsys_models("show", first, "--registry", registry.path)
    with pytest.raises(BundleError, match="no registry"):
        recsys_models("list", "--registry", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_the_history_is_a_table_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry(tmp_path)
    first = publish(registry, "one", why="first")
    checks = (Check("quality", False, "ndcg@10 <b>fell</b>"), Check("size", True, "1.0 MB"))
    second = publish(registry, "two", promote=False)
    registry.refuse(second, "quality: it fell", checks)
    registry.refuse(None, "volume: few events", (Check("volume", False, "12 new events"),))
    registry.refuse(None, "volume: few events", (Check("volume", False, "13 new events"),))
    for n_events in (3, 4):
        registry.skip(f"{n_events} new events", (Check("events", False, f"{n_events} new events"),))
    report = tmp_path / "history.html"
    assert recsys_models("history", "--registry", tmp_path, "--report", report, "--json") == 0
    entries = json.loads(capsys.readouterr().out)["history"]
    assert [(entry["action"], entry["version"]) for entry in entries] == [
        ("promote", first),
        ("refuse", second),
        ("refuse", None),
        ("skip", None),
    ], "the same refusal again is not written again"
    assert entries[1]["checks"][0] == {"name": "quality", "passed": False, "words": "ndcg@10 <b>fell</b>"}
    page = report.read_text()
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;fell&lt;/b&gt;" in page
    assert "retraining was skipped" in page
    assert (
        page.index("the new data was refused") < page.index(f"{second} was refused") < page.index(f"promoted {first}")
    )
    assert recsys_models("history", "--registry", tmp_path) == 0
    table = capsys.readouterr().out
    assert "quality: it fell" in table
    assert "the retraining was skipped" in table


@pytest.mark.parametrize(
    ("content", "said"),
    [("garbage", "CURRENT is damaged: 'garbage' is not a version; promote one"), (None, "is current; promote one")],
)
def test_the_history_is_shown_where_it_is_not_known_what_is_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    registry = Registry(tmp_path)
    first, second = publish(registry, "one"), publish(registry, "two")
    registry.current_file.unlink() if content is None else registry.current_file.write_text(content)
    assert recsys_models("history", "--registry", tmp_path, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [entry["version"] for entry in shown["history"]] == [first, second]
    assert said in shown["problem"]
    for action in ("history", "list"):
        assert recsys_models(action, "--registry", tmp_path) == 0
        assert said in capsys.readouterr().err
    assert recsys_models("promote", second, "--registry", tmp_path) == 0
    capsys.readouterr()
    assert recsys_models("history", "--registry", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["problem"] is None
