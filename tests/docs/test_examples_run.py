"""What the README and the pages show is run as it stands: commands, calls by curl, Python, TOML.

Only what takes minutes is made quick, by settings: what the small shop learns from, and in how many processes.
"""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path

import httpx
import polars as pl
import pytest
from pages import DOCUMENTS, Command, blocks, commands, name, page, section

import recsys
from recsys.cli.main import main
from recsys.config import Config, load_config
from recsys.registry import Registry
from serving.settings import Settings
from tests.serving.running import serving_thread

LATER = {"serve", "retrain"}
"""Commands that run until somebody ends them, or that need what a server has stored."""


QUICK = """
candidates = {sources = ["transitions", "als", "popular", "history", "text"], n = 20}
cf = {factors = 4, iterations = 3}
ranker = {ablation = false, trees = 10}
text = {budget_minutes = 0, max_tokens = 16}
"""
"""A config with which the small shop trains in seconds, its texts read by the encoder as it is."""


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a quick training, for `--config`."""
    file = tmp_path_factory.mktemp("config") / "quick.toml"
    file.write_text(QUICK, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def shop(tiny_dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `my-data/`, whose users and items have the ids of the examples: u1, u2, ... and i1, i2, ..."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "my-data").mkdir()
    items = pl.read_parquet(tiny_dataset_dir / "items.parquet")
    events = pl.read_parquet(tiny_dataset_dir / "events.parquet")
    for column, letter, known in (("item_id", "i", items["item_id"]), ("user_id", "u", events["user_id"])):
        renamed = {id_: f"{letter}{number}" for number, id_ in enumerate(known.unique().sort(), start=1)}
        events = events.with_columns(pl.col(column).replace_strict(renamed))
        if column in items.columns:
            items = items.with_columns(pl.col(column).replace_strict(renamed))
    items.write_parquet(folder / "my-data" / "items.parquet")
    events.write_parquet(folder / "my-data" / "events.parquet")
    return folder


Run = Callable[[Command], int]


@pytest.fixture(scope="module")
def run(shop: Path, config_file: Path) -> Run:
    """Run a command of a page in the folder of the shop, and return its exit code."""
    quick = {"train": ("--config", str(config_file)), "rank": ("--workers", "1")}

    def run(command: Command) -> int:
        program, verb, *words = command.words
        assert program == "recsys"
        with chdir(shop):
            return main([verb, *words, *quick.get(verb, ())])

    return run


@pytest.fixture(scope="module")
def registry(shop: Path, run: Run) -> Path:
    """The registry that the commands of the README's "Your own data" make."""
    (block,) = blocks(section(page("README.md"), "Your own data"))
    asked = list(commands(block))
    assert {command.words[1] for command in asked} == {"data", "train", "evaluate", "rank", "serve"}
    for command in asked:
        assert command.words[1] in LATER or run(command) == 0, command.text
    return shop / "reg"


@pytest.fixture(scope="module")
def server(registry: Path) -> Iterator[httpx.Client]:
    """What `recsys serve --registry reg/` serves, on a free port in place of 8000."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; the examples call by it")
    with serving_thread(Settings.of(Config(), registry)) as http:
        yield http


def answer(server: httpx.Client, command: Command) -> dict[str, object]:
    """What the server answers to a call by curl; a failure (4xx, 5xx) fails the test."""
    words = [word.replace("localhost:8000", server.base_url.netloc.decode()) for word in command.words]
    done = subprocess.run([*words, "--fail-with-body"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command.text}{done.stdout}{done.stderr}"
    body: dict[str, object] = json.loads(done.stdout)
    return body


def test_the_commands_of_your_own_data_leave_what_they_say(registry: Path, shop: Path) -> None:
    assert (shop / "report.html").stat().st_size > 1000
    lists = pl.read_parquet(shop / "lists.parquet")
    assert lists["rank"].max() == 10
    described = section(page("docs/data.md"), "Lists").partition("Scores are")[0]
    assert lists.columns == re.findall(r"`(\w+)`", described)
    assert lists["request_id"].n_unique() == 60
    assert Registry(registry).current() is not None


def test_the_calls_of_the_readme_are_answered(server: httpx.Client) -> None:
    (block,) = blocks(section(page("README.md"), "HTTP"))
    serve, *calls = commands(block)
    assert serve.words[:2] == ("recsys", "serve")
    stored, listed = (answer(server, call) for call in calls)
    assert stored == {"accepted": 1, "duplicates": 0}
    items = listed["items"]
    assert isinstance(items, list)
    assert items
    assert all(item["explanation"]["reasons"] for item in items)


def test_the_calls_of_the_page_on_serving_are_answered(server: httpx.Client) -> None:
    (block,) = blocks(section(page("docs/serving.md"), "Examples"))
    answers = [answer(server, call) for call in commands(block)]
    (shown,) = blocks(section(page("docs/serving.md"), "Examples"), "json")
    looks = json.loads(shown)
    assert looks.keys() <= answers[0].keys()
    items = answers[0]["items"]
    assert isinstance(items, list)
    assert looks["items"][0].keys() == items[0].keys()
    assert looks["items"][0]["explanation"].keys() == items[0]["explanation"].keys()
    assert all(found["items"] for found in answers[1:6])


def test_the_client_of_the_page_on_serving_works(server: httpx.Client) -> None:
    (block,) = blocks(section(page("docs/serving.md"), "Client"), "python")
    exec(block.replace("http://localhost:8000", str(server.base_url)), {})


def rules() -> list[tuple[str, str]]:
    """Keys of `policy` with the example that the table of rules gives."""
    table = section(page("docs/serving.md"), "Rules of a list")
    return re.findall(r"^\| `(\w+)` \| `([\[{].*?)`", table, re.MULTILINE)


def test_the_rules_of_the_page_on_serving_are_accepted(server: httpx.Client) -> None:
    assert {key for key, _ in rules()} == {"boosts", "pins", "caps", "quotas"}
    for key, example in rules():
        body = {"user_id": "u1", "policy": {key: json.loads(example)}}
        assert server.post("/v1/recommend", json=body).status_code == 200, key


def test_retraining_as_the_readme_says_skips_what_is_too_little(registry: Path, server: httpx.Client, run: Run) -> None:
    event = {"user_id": "u1", "item_id": "i7", "event": "click"}
    assert server.post("/v1/events", json={"events": [event]}).status_code == 202
    (block,) = blocks(section(page("README.md"), "Retraining"))
    assert [run(command) for command in commands(block)] == [0]
    assert "skip" in {entry.action for entry in Registry(registry).decisions()}


def test_the_python_of_the_readme_works(
    shop: Path, config_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shop)
    monkeypatch.setattr(recsys, "train", partial(recsys.train, config=load_config(config_file)))
    (block,) = blocks(section(page("README.md"), "Python"), "python")
    exec(block, {})
    assert "p_click" in capsys.readouterr().out


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_toml_is_a_config_that_is_accepted(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        if "[[key]]" in block:  # of the keys of an API: its hash is written as "..."
            assert tomllib.loads(block)
            continue
        file = tmp_path / "config.toml"
        file.write_text(block, encoding="utf-8")
        load_config(file)
