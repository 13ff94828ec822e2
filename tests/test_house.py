"""The house as a whole: what is public, what it imports, how fast the command line starts, files that must agree."""

import ast
import json
import os
import re
import resource
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import get_args

import pytest

import recsys
from benchmarks.arguments import real_file
from recsys.config import SOURCES, FeatureGroup, Source, known_keys
from recsys.pipeline.candidates.live_sources import LIVE
from recsys.pipeline.candidates.sources import MODELS, PROFILES, TEXT
from recsys.pipeline.recommender.item_list import Explanation

ROOT = Path(__file__).resolve().parents[1]

PUBLIC = {
    "__version__",
    "Bundle",
    "BundleError",
    "Config",
    "ConfigError",
    "DataError",
    "Dataset",
    "Event",
    "InteractionLog",
    "ItemCatalogue",
    "ItemList",
    "NotTrainedError",
    "Recommender",
    "RecsysError",
    "Registry",
    "Request",
    "StoreError",
    "dataset_from_frames",
    "load_config",
    "load_dataset",
    "train",
}
HEAVY = {
    *("torch", "transformers", "peft", "lightgbm", "implicit", "polars", "scipy", "numpy", "pandas", "pydantic"),
    *("fastapi", "uvicorn", "rich", "matplotlib"),
}


def test_a_source_package_holds_no_tests_without_what_they_need(tmp_path: Path) -> None:
    """setuptools would take tests/test_*.py along, and neither their conftest nor the documents that they read."""
    pytest.importorskip("setuptools")
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools.build_meta import build_sdist; print(build_sdist('.'))"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (package,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(package) as files:
        assert [name for name in files.getnames() if "/tests" in name] == []


def test_public_names_are_these() -> None:
    assert set(recsys.__all__) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(recsys, name)
    assert name in dir(recsys)
    assert isinstance(value, str) or value.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Recommendor'"):
        _ = recsys.Recommendor


def test_each_error_has_its_exit_code() -> None:
    codes = {error: error.exit_code for error in (recsys.ConfigError, recsys.DataError, recsys.BundleError)}
    assert codes == {recsys.ConfigError: 2, recsys.DataError: 3, recsys.BundleError: 4}
    assert recsys.StoreError.exit_code == 5
    assert issubclass(recsys.NotTrainedError, recsys.BundleError)


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert recsys.__version__ == project["version"] == metadata.version("recsys")
    assert f"## [{recsys.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_config_page_is_what_the_tree_says() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    assert page == runpy.run_path(str(ROOT / "docs" / "render_config.py"))["render"](), "run `make docs`"
    for key in known_keys():
        assert key.partition(".")[2] in page


def test_every_source_is_declared_and_has_what_proposes_it() -> None:
    assert tuple(SOURCES) == get_args(Source)
    assert sorted([*MODELS, TEXT, PROFILES, *LIVE]) == sorted(SOURCES)


def test_an_explanation_has_a_part_for_each_feature_group() -> None:
    assert [part.name for part in fields(Explanation)] == [*get_args(FeatureGroup), "reasons"]


def test_imports_between_rooms_go_down_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_loops_are_kept_in_one_way() -> None:
    """numba's own cache is not made for several processes at once: `recsys.arrays.jit` has them take turns."""
    sources = [path for room in ("recsys", "features", "serving") for path in (ROOT / room).rglob("*.py")]
    keeping = [path.name for path in sources if "njit(cache=True" in path.read_text(encoding="utf-8")]
    assert keeping == ["jit.py"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["serve", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys\n"
        "from recsys.cli.main import main\n"
        f"code = main({arguments!r})\n"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert not HEAVY & set(modules)


def test_help_starts_in_under_half_a_second() -> None:
    """Of the processor's time: on a busy machine the clock on the wall measures the others."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "recsys", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_import_of_the_package_loads_nothing_heavy() -> None:
    program = "import sys, recsys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("chosen", "spins"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")]
)
def test_waiting_threads_leave_the_processor_to_others_unless_told_otherwise(
    chosen: dict[str, str], spins: str
) -> None:
    program = "import recsys, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    others = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=others | chosen, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [spins]


ROOMS = [
    *("features", "features/loops", "serving", "recsys/arrays", "recsys/cf", "recsys/config", "recsys/data"),
    *("recsys/eval", "recsys/pipeline", "recsys/policy", "recsys/rank", "recsys/registry", "recsys/retrieval"),
    *("recsys/simulation", "recsys/store", "recsys/text"),
    *(
        str(door.parent.relative_to(ROOT))
        for room in ("data", "eval", "pipeline", "store", "text")
        for door in (ROOT / "recsys" / room).glob("*/__init__.py")
    ),
]


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_of_a_room_is_named_at_its_door(room: str) -> None:
    folder = ROOT / room
    named = set(re.findall(r"\w+", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""))
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert files | rooms <= named, f"not named in {room}/__init__.py: {(files | rooms) - named}"


def test_a_benchmark_without_its_data_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"scientific/items.parquet is not there: point RECSYS_DATA to a folder"):
        real_file("scientific", "items.parquet")
