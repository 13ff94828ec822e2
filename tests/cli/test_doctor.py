"""`recsys doctor`: what it finds here, and what it says when something is wrong."""

import errno
import shutil
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import CompileResultCacheImpl
from shop import Run

from recsys.data.events.event import Event
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Registry
from recsys.registry.manifest import manifest_bytes
from recsys.store import open_store, sqlite_url
from recsys.store.sqlite.schema import MIGRATIONS

REQUIRES = ["numpy>=1.26", "no-such-library>=2", 'nothing-at-all>=1; extra == "graphs"', "recsys[demo]; extra == 'dev'"]


def test_a_machine_that_has_all_it_needs_is_healthy(run: Run) -> None:
    outcome = run("doctor", "--json")
    answer = outcome.json
    assert outcome.code == 0
    assert answer["healthy"] is True
    found = {check["name"]: check for check in answer["checks"]}
    assert {"python", "torch", "lightgbm", "text encoder", "gpu", "disk", "threads", "extra demo"} <= set(found)
    assert "384 dimensions" in found["text encoder"]["found"]


def test_missing_libraries_name_what_to_type(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _name: REQUIRES)
    outcome = run("doctor")
    assert outcome.code == 5
    assert "pip install 'no-such-library>=2'" in outcome.out
    assert "pip install 'recsys[graphs]'" in outcome.out
    assert "text encoder" not in outcome.out


def test_loops_that_can_be_kept_nowhere_are_a_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user without a home, who may not write where recsys is installed."""
    monkeypatch.setattr(CompileResultCacheImpl, "_locator_classes", [])
    outcome = run("doctor", "--json")
    assert outcome.code == 2
    (problem,) = [check for check in outcome.json["checks"] if check["status"] == "problem"]
    assert problem["name"] == "compiled loops"
    assert "NUMBA_CACHE_DIR" in problem["remedy"]


def test_a_registry_without_versions_is_noted_with_what_to_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    outcome = run("doctor", "--registry", tmp_path / "registry", "--json")
    assert outcome.code == 0
    registry = outcome.json["checks"][-1]
    assert registry["name"] == "registry"
    assert registry["status"] == "note"
    assert "recsys train" in registry["remedy"]


def test_a_damaged_registry_ends_with_code_4(run: Run, tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_text("gone\n")
    outcome = run("doctor", "--registry", tmp_path)
    assert outcome.code == 4
    assert "CURRENT is damaged" in outcome.out


def test_a_folder_that_is_no_registry_is_a_problem(run: Run, tmp_path: Path) -> None:
    outcome = run("doctor", "--registry", tmp_path / "registri")
    assert outcome.code == 4
    assert "there is no registry" in outcome.out
    (tmp_path / "items.csv").touch()
    assert run("doctor", "--registry", tmp_path).code == 4, "a folder of other things"


def test_a_current_version_that_is_not_there_comes_with_one_to_promote(
    run: Run, trained_registry: Path, tmp_path: Path
) -> None:
    registry = Path(shutil.copytree(trained_registry, tmp_path / "registry"))
    (version,) = (registry / "versions").iterdir()
    (registry / "CURRENT").write_text("20200101T000000Z-000000\n")
    outcome = run("doctor", "--registry", registry, "--json")
    assert (outcome.code, outcome.json["healthy"]) == (4, False)
    problem = next(check for check in outcome.json["checks"] if check["status"] == "problem")
    assert "20200101T000000Z-000000" in problem["found"]
    assert problem["remedy"] == f"recsys models promote {version.name} --registry {registry}"
    shutil.rmtree(registry / "versions")
    assert run("doctor", "--registry", registry).code == 4, "without any version"


def test_the_remedy_for_a_damaged_version_that_is_served(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    registry = Path(shutil.copytree(trained_registry, tmp_path / "registry"))
    bundle = Bundle.load(Registry(registry))
    (served,) = (registry / "versions").iterdir()
    with (served / "rank" / "p_click.json").open("a") as file:
        file.write(" ")

    def remedy() -> str:
        outcome = run("doctor", "--registry", registry, "--json")
        assert outcome.code == 4
        (problem,) = [check for check in outcome.json["checks"] if check["status"] == "problem"]
        return str(problem["remedy"])

    assert remedy() == f"recsys train DIR --registry {registry}", "there is no other version"
    other = Registry(registry).add(bundle)
    assert remedy() == f"recsys models promote {other} --registry {registry}"
    Registry(registry).refuse(other, "it is worse")
    assert remedy() == f"recsys train DIR --registry {registry}", "the other one was refused"


def test_a_version_that_another_user_keeps_is_not_to_be_removed(
    run: Run, trained_registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything."""
    real = Path.open

    def denied(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "network.safetensors":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", denied)
    outcome = run("doctor", "--registry", trained_registry, "--json")
    assert outcome.code == 4
    (problem,) = [check for check in outcome.json["checks"] if check["status"] == "problem"]
    assert "network.safetensors cannot be read" in problem["found"]
    assert "let this user read versions/" in problem["remedy"]


def test_a_missing_key_for_the_served_version_is_a_problem(
    run: Run, trained_registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(Path(shutil.copytree(trained_registry, tmp_path / "registry")))
    version = registry.resolve(None)
    manifest = registry.manifest(version)
    config = {**manifest.config, "privacy": {"pseudonymise": True}}
    path = registry.path / "versions" / version / "manifest.json"
    path.write_bytes(manifest_bytes(manifest.model_copy(update={"config": config})))
    monkeypatch.delenv("RECSYS_PSEUDONYM_KEY", raising=False)
    outcome = run("doctor", "--registry", registry.path, "--json")
    assert outcome.code == 2
    (problem,) = [check for check in outcome.json["checks"] if check["status"] == "problem"]
    assert "RECSYS_PSEUDONYM_KEY must hold 32 characters" in problem["found"]
    monkeypatch.setenv("RECSYS_PSEUDONYM_KEY", "k" * 32)
    assert run("doctor", "--registry", registry.path).code == 0


def test_a_served_version_of_another_release_is_a_problem_of_the_registry(
    run: Run, trained_registry: Path, tmp_path: Path
) -> None:
    """It is whole, and has a key that this release does not know: no config of the user's is wrong."""
    registry = Registry(Path(shutil.copytree(trained_registry, tmp_path / "registry")))
    version = registry.resolve(None)
    manifest = registry.manifest(version)
    config = {**manifest.config, "ranker": {**manifest.config["ranker"], "later": 1}}
    path = registry.path / "versions" / version / "manifest.json"
    path.write_bytes(manifest_bytes(manifest.model_copy(update={"config": config})))
    outcome = run("doctor", "--registry", registry.path, "--json")
    assert outcome.code == 4
    (problem,) = [check for check in outcome.json["checks"] if check["status"] == "problem"]
    assert problem["name"] == f"version {version}"
    assert "of another release: config: unknown key 'ranker.later'" in problem["found"]
    outcome = run("serve", "--registry", registry.path, "--port", "0")
    assert outcome.code == 4
    assert f"{path} is damaged, or of another release" in outcome.err


def test_a_history_that_cannot_be_read_is_one_of_the_problems(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    registry = Path(shutil.copytree(trained_registry, tmp_path / "registry"))
    (registry / "history.jsonl").write_bytes(b"\xff\n")
    outcome = run("doctor", "--registry", registry, "--json")
    assert outcome.code == 4
    assert {"python", "registry"} <= {check["name"] for check in outcome.json["checks"]}


def test_a_store_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    outcome = run("doctor", "--json", "--store", f"sqlite:///{tmp_path}/store.db")
    store = next(check for check in outcome.json["checks"] if check["name"] == "store")
    assert (outcome.code, store["status"]) == (0, "note")
    assert f"there is no file {tmp_path}/store.db yet" in store["found"]
    assert not (tmp_path / "store.db").exists()
    outcome = run("doctor", "--store", f"sqlite:///{tmp_path}/none/store.db")
    assert outcome.code == 5
    assert "no folder" in outcome.out


def test_a_store_of_an_earlier_release_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    """Its server may still run, and could not start again on upgraded tables."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        for statement in MIGRATIONS[0]:
            older.execute(statement)
        older.execute("PRAGMA user_version = 1")
    before = path.read_bytes()
    outcome = run("doctor", "--json", "--store", sqlite_url(path))
    store = next(check for check in outcome.json["checks"] if check["name"] == "store")
    assert (outcome.code, store["status"]) == (0, "note")
    assert "of an earlier release" in store["found"]
    assert path.read_bytes() == before


def test_a_store_that_cannot_be_opened_is_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database, whatever its name says" * 100)
    outcome = run("doctor", "--store", f"sqlite:///{tmp_path}/store.db")
    assert outcome.code == 5
    assert "store" in outcome.out


@pytest.mark.parametrize("how", ["overwritten", "cut off"])
def test_a_store_that_is_damaged_inside_is_a_problem(run: Run, tmp_path: Path, how: str) -> None:
    """Its first pages are whole, so that it can be opened, and its newest offset read."""
    path = tmp_path / "store.db"
    with closing(open_store(sqlite_url(path))) as store:
        store.append([Event(f"e{number}", f"u{number}", "i1", "click", number) for number in range(5_000)])
    assert run("doctor", "--store", sqlite_url(path)).code == 0
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + (b"?" * 20_000 + content[third + 20_000 :]) * (how == "overwritten"))
    outcome = run("doctor", "--store", sqlite_url(path))
    assert outcome.code == 5
    assert "damaged" in outcome.out or "malformed" in outcome.out
