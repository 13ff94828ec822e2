"""A damaged registry, a busy port, ids that nobody knows: clear messages, the right exit codes, no trace."""

import shutil
import socket
from pathlib import Path

import polars as pl
import pytest
from shop import Run

from recsys.registry import Registry
from recsys.registry.manifest import Manifest, manifest_bytes


@pytest.fixture
def registry(trained_registry: Path, tmp_path: Path) -> Path:
    """A copy of the trained registry that a test may damage."""
    return Path(shutil.copytree(trained_registry, tmp_path / "registry"))


def flip_a_byte(registry: Path, name: str) -> Path:
    current = Registry(registry).current()
    assert current is not None
    path = registry / "versions" / current / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    return path


def test_another_folder_is_no_registry(run: Run, tmp_path: Path) -> None:
    assert run("models", "list", "--registry", tmp_path).code == 0, "an empty one may become it"
    (tmp_path / "items.csv").touch()
    outcome = run("models", "list", "--registry", tmp_path)
    assert (outcome.code, "there is no registry" in outcome.err) == (4, True)


@pytest.mark.parametrize(
    "name", ["manifest.json", "vocabulary/items.parquet", "features/log/columns/items.npy", "evaluation/report.json"]
)
def test_a_changed_byte_is_found_and_named(run: Run, registry: Path, tmp_path: Path, name: str) -> None:
    flip_a_byte(registry, name)
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", registry, "--users", "all", "--out", out)
    assert outcome.code == 4
    assert name in outcome.err
    assert "Traceback" not in outcome.err
    assert not out.exists()
    assert run("explain", "--registry", registry, "--user", "u1").code == 4
    assert run("serve", "--registry", registry).code == 4
    assert run("doctor", "--registry", registry).code == 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"max_history"', '"max_histery"', "unknown key 'data.max_histery'"),
        ('"transitions_score",', "", "its feature_names are not the columns of the ranker"),
    ],
)
def test_a_manifest_that_cannot_be_is_named(
    run: Run, tiny_dataset_dir: Path, registry: Path, old: str, new: str, said: str
) -> None:
    current = Registry(registry).current()
    manifest = registry / "versions" / str(current) / "manifest.json"
    changed = manifest.read_text().replace(old, new, 1)
    manifest.write_bytes(manifest_bytes(Manifest.model_validate_json(changed)))  # as other code might write it
    commands = [("explain", "--registry", registry, "--user", "u1")]
    commands += [("retrain", "--registry", registry, "--data", tiny_dataset_dir)] * (new != "")
    for command in commands:
        outcome = run(*command)
        assert outcome.code == 4, outcome.err
        assert f"{manifest} is damaged" in outcome.err
        assert said in outcome.err


@pytest.mark.parametrize("version", ["20200101T000000Z-000000", "../..", "latest"])
def test_a_version_that_is_not_there_is_named(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, version: str
) -> None:
    outcome = run("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--version", version)
    assert outcome.code == 4
    assert version in outcome.err


def test_a_registry_that_is_not_there_is_not_made_and_says_what_makes_it(run: Run, tmp_path: Path) -> None:
    for verb in (["rank", "--users", "all", "--out", tmp_path / "o.parquet"], ["explain", "--user", "u1"], ["serve"]):
        outcome = run(*verb, "--registry", tmp_path / "none")
        assert outcome.code == 4, outcome.err
        assert "recsys train" in outcome.err
    assert not (tmp_path / "none").exists()


def test_a_registry_that_cannot_be_written_is_found_before_the_work(
    run: Run, tiny_dataset_dir: Path, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.pipeline.training.train.train", lambda *_, **__: pytest.fail("a training has begun"))
    (tmp_path / "file").touch()
    outcome = run("train", tiny_dataset_dir, "--registry", tmp_path / "file")
    assert outcome.code == 4, outcome.err
    assert f"{tmp_path / 'file'} cannot be written" in outcome.err
    shutil.move(registry / "versions", tmp_path / "elsewhere")
    (registry / "versions").symlink_to("/proc/self")  # where not even root makes a folder
    monkeypatch.setattr("recsys.data.loading.load_dataset", lambda *_: pytest.fail("the data was read"))
    monkeypatch.setattr(Registry, "resolve", lambda *_: "any")
    outcome = run("retrain", "--registry", registry, "--data", tiny_dataset_dir)
    assert outcome.code == 4, outcome.err
    assert f"{registry} cannot be written" in outcome.err


def test_a_port_in_use_is_named_with_the_option_that_changes_it(run: Run, trained_registry: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run("serve", "--registry", trained_registry, "--port", port)
    assert outcome.code == 5
    assert f"port {port}" in outcome.err
    assert "--port" in outcome.err
    assert "Traceback" not in outcome.err


def test_ten_thousand_unknown_ids_still_make_lists(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    """Unknown users and items are normal: the lists are those of a newcomer."""
    requests = pl.DataFrame(
        {
            "request_id": [f"r{number}" for number in range(100)],
            "user_id": [f"stranger{number}" for number in range(100)],
            "history": [[f"unknown{100 * row + number}" for number in range(100)] for row in range(100)],
        }
    )
    requests.write_parquet(tmp_path / "requests.parquet")
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", trained_registry, "--requests", tmp_path / "requests.parquet", "--out", out)
    assert outcome.code == 0, outcome.err
    assert pl.read_parquet(out).group_by("request_id").len()["len"].to_list() == [10] * 100


def test_unknown_candidates_cannot_be_ranked(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    line = '{"request_id": "r", "candidates": ["coffee-0-small", "nowhere", "books-1-large"]}\n'
    (tmp_path / "requests.jsonl").write_text(line)
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", trained_registry, "--requests", tmp_path / "requests.jsonl", "--out", out)
    assert outcome.code == 0, outcome.err
    assert set(pl.read_parquet(out)["item_id"]) == {"coffee-0-small", "books-1-large"}


def test_lists_are_not_written_under_the_name_of_another_kind(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user_id\nu1\n")
    outcome = run("rank", "--registry", trained_registry, "--users", users, "--out", users)
    assert outcome.code == 2
    assert "lists are written as Parquet" in outcome.err
    assert users.read_text() == "user_id\nu1\n"


@pytest.mark.parametrize("out", ["lists.feather", "lists.parquet.gz", "memory://lists.arrow"])
def test_only_parquet_is_written(
    run: Run, trained_registry: Path, tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("rank", "--registry", trained_registry, "--users", "all", "--out", out)
    assert outcome.code == 2
    assert "name a file.parquet" in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("out", "said"), [("/dev/null", "is a folder or a device"), ("foo://lists", "such as s3://")])
def test_where_lists_cannot_be_is_said_first(run: Run, tmp_path: Path, out: str, said: str) -> None:
    outcome = run("rank", "--registry", tmp_path, "--users", "all", "--out", out)
    assert outcome.code == 2
    assert said in outcome.err


def test_an_item_that_may_not_be_listed_is_not_explained(run: Run, trained_registry: Path) -> None:
    outcome = run("explain", "--registry", trained_registry, "--user", "u1", "--item", "coffee-4-large")
    assert outcome.code == 3
    assert "may not be listed" in outcome.err


def test_an_unknown_item_is_named_instead_of_explained(run: Run, trained_registry: Path) -> None:
    outcome = run("explain", "--registry", trained_registry, "--user", "u1", "--item", "nowhere")
    assert outcome.code == 3
    assert "nowhere" in outcome.err


def test_a_version_of_a_release_that_wrote_other_files_is_to_be_trained_again(run: Run, registry: Path) -> None:
    folder, name = registry / "versions" / str(Registry(registry).current()), "rank/ranker.txt"
    (folder / name).unlink()
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_text())
    files = {path: record for path, record in manifest.files.items() if path != name}
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest.model_copy(update={"files": files})))
    outcome = run("explain", "--registry", registry, "--user", "u1")
    assert outcome.code == 4
    assert "is of a release that wrote other files; train again" in outcome.err
