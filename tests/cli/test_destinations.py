"""Files that a command is told to write: refused before the work, written whole or not at all."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from shop import Run

from recsys.cli import destinations
from recsys.errors import ConfigError, DataError
from recsys.registry import Registry


def half_written(half: Path, error: Exception) -> None:
    half.write_text("ne")
    raise error


@pytest.mark.parametrize("flag", ["--report", "--per-request"])
def test_evaluate_looks_at_its_files_first(run: Run, tmp_path: Path, flag: str) -> None:
    """Before the registry, which is not there."""
    for path, wrong in ((tmp_path, "is a folder"), (tmp_path / "no" / "file", "there is no folder")):
        outcome = run("evaluate", tmp_path, "--registry", tmp_path / "none", flag, path)
        assert outcome.code == 2, outcome.err
        assert f"{flag} {path}" in outcome.err
        assert wrong in outcome.err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("flag", ["--report", "--metrics"])
def test_retrain_looks_at_its_files_first(run: Run, tmp_path: Path, flag: str) -> None:
    words = ("retrain", "--registry", tmp_path / "none", "--data", tmp_path, "--watch", "1h")
    outcome = run(*words, flag, tmp_path)
    assert outcome.code == 2, outcome.err
    assert f"{flag} {tmp_path} is a folder" in outcome.err


def test_a_page_of_the_history_that_cannot_be_written_is_found_first(run: Run, tmp_path: Path) -> None:
    Registry(tmp_path / "reg").prepare()
    page = tmp_path / "page.html"
    assert run("models", "history", "--registry", tmp_path / "reg", "--report", page).code == 0
    assert page.read_text().startswith("<!doctype html>")
    for path in (tmp_path, tmp_path / "no" / "page.html"):
        outcome = run("models", "history", "--registry", tmp_path / "reg", "--report", path)
        assert outcome.code == 2, outcome.err
        assert f"--report {path}" in outcome.err
        assert outcome.out == ""


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    with (
        pytest.raises(DataError, match=r"--report .*file cannot be written"),
        destinations.written_whole("--report", path) as half,
    ):
        half_written(half, OSError("no room"))
    assert path.read_text() == "old"
    with destinations.written_whole("--report", link) as half:
        half.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_other_errors_leave_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), destinations.written_whole("--report", tmp_path / "file") as half:
        half_written(half, ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/dev/null", "/proc/self/any"])
def test_what_cannot_be_written_is_found(path: str) -> None:
    with pytest.raises(ConfigError, match=f"--report {path}"):
        destinations.check_file("--report", Path(path))


def test_a_folder_is_made_unless_a_file_stands_there(tmp_path: Path) -> None:
    destinations.check_folder("--work", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--work .*file is no folder"):
        destinations.check_folder("--work", tmp_path / "file")


@pytest.mark.parametrize(
    "words",
    [
        ("data", "get", "movielens-small", "--out"),
        ("simulate",),
        ("demo", "--dir"),
        ("train", "DIR", "--registry"),
        ("models", "list", "--registry"),
    ],
)
def test_folders_are_on_this_machine(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for place, wrong in (("s3://bucket/shop", "is a URL"), ("", "must not be empty")):
        outcome = run(*words, place)
        assert outcome.code == 2, outcome.err
        assert wrong in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flag", ["--out", "--users"])
def test_an_empty_word_is_wrong_usage(run: Run, trained_registry: Path, tmp_path: Path, flag: str) -> None:
    words = {"--out": tmp_path / "lists.parquet", "--users": "all"} | {flag: ""}
    outcome = run("rank", "--registry", trained_registry, *(word for pair in words.items() for word in pair))
    assert outcome.code == 2, outcome.err
    assert f"{flag}: must not be empty" in outcome.err


def test_ingest_keeps_away_from_the_report_of_bad_rows(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "rejected.jsonl"
    report.write_text('{"file": "events.csv", "line": 2}\n')
    outcome = run("ingest", "--from", "redis://h/0?stream=s", "--store", "sqlite:///s.db", "--rejected", report)
    assert outcome.code == 2
    assert "the next reading of that replaces it" in outcome.err


@pytest.mark.parametrize(
    ("words", "name"),
    [
        *((("rank", "--users", "all", "--out"), name) for name in ("CURRENT", "versions/lists.parquet", "cache/a/b")),
        *((("models", "history", "--report"), name) for name in ("CURRENT", "history.jsonl", "versions/page.html")),
    ],
)
def test_no_part_of_a_registry_is_replaced(run: Run, trained_registry: Path, words: tuple[str, ...], name: str) -> None:
    path = trained_registry / name
    before = path.read_bytes() if path.exists() else None
    outcome = run(*words, path, "--registry", trained_registry)
    assert outcome.code == 2, outcome.err
    assert f"belongs to the registry {trained_registry.resolve()}; name another file" in outcome.err
    assert (path.read_bytes() if path.exists() else None) == before


def test_lists_take_the_place_of_nothing_that_is_read(run: Run, trained_registry: Path, shop: Path) -> None:
    requests, events = shop / "requests.parquet", shop / "events.parquet"
    pl.DataFrame({"request_id": ["r"], "user_id": ["u1"]}).write_parquet(requests)
    pl.read_csv(shop / "events.csv").write_parquet(events)
    before = requests.read_bytes(), events.read_bytes()
    for out, wrong in ((requests, "is read by this command"), (events, f"is a table of the data in {shop.resolve()}")):
        outcome = run("rank", "--registry", trained_registry, "--requests", requests, "--out", out)
        assert outcome.code == 2, outcome.err
        assert f"--out {out} {wrong}; name another file" in outcome.err
    assert (requests.read_bytes(), events.read_bytes()) == before


def test_lists_may_lie_beside_a_registry_and_its_files(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_registry, tmp_path / "reg")
    out = tmp_path / "reg" / "lists.parquet"
    assert run("rank", "--registry", tmp_path / "reg", "--users", "all", "--out", out).code == 0
    assert out.exists()
