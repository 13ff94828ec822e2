"""What the documentation names exists: commands and their flags, config keys, files, modules, targets of make."""

import argparse
import importlib.util
import re
from dataclasses import fields
from pathlib import Path

import pytest
from pages import DOCUMENTS, ROOT, blocks, commands, inline_code, name, page, section

from features.kinds import KINDS
from recsys.cli.main import build_parser
from recsys.config import Config, known_keys
from recsys.data.tables.schema import EVENTS, ITEMS, REQUESTS
from serving.app import create_app
from serving.settings import Settings

ROOMS = ("recsys", "features", "serving", "benchmarks", "tests", "docs")
TABLES = {"recsys.lists"}
"""Of PostgreSQL."""
FILES = (".csv", ".json", ".jsonl", ".md", ".parquet", ".py", ".toml")


def parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands below a parser by their names."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: command for action in actions for name, command in action.choices.items()}


VERBS = parsers(build_parser())


def flags_of(verb: str) -> set[str]:
    """All flags of a command, those of its own commands (`data get`) included."""
    found = {flag for action in VERBS[verb]._actions for flag in action.option_strings}
    return found.union(*(command._option_string_actions for command in parsers(VERBS[verb]).values()))


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_commands_can_be_typed_as_they_stand(page: Path) -> None:
    parser = build_parser()
    for block in blocks(page.read_text(encoding="utf-8")):
        if "recsys COMMAND" in block or "[--" in block or not re.search(r"^(\w+=\S+ )?recsys ", block, re.MULTILINE):
            continue
        for command in commands(block):
            words = [word for word in command.words if not re.fullmatch(r"[A-Z_]+=\S+", word)]
            if words[0] == "recsys":
                parser.parse_args(words[1:])


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_commands_of_units_and_of_cron_can_be_run(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        for words in re.findall(r"\S+/bin/recsys (.+?)(?: >>.*)?$", block, re.MULTILINE):
            build_parser().parse_args(words.split())


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_flags_that_a_sentence_names_exist(page: Path) -> None:
    for code in inline_code(page.read_text(encoding="utf-8")):
        if found := re.match(r"recsys ([a-z]+)\b", code):
            verb = found.group(1)
            assert verb in VERBS, code
            assert set(re.findall(r"(?<!\S)--[a-z-]+", code)) <= flags_of(verb), code


def test_the_readme_lists_every_command_and_no_flag_that_is_not_there() -> None:
    (synopsis,) = blocks(section(page("README.md"), "Command line"))
    described = re.split(r"^recsys ", synopsis, flags=re.MULTILINE)[1:]
    assert {words.split()[0] for words in described} == set(VERBS)
    for words in described:
        assert set(re.findall(r"--[a-z-]+", words)) <= flags_of(words.split()[0]), words


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_config_keys_exist(page: Path) -> None:
    keys = set(known_keys())
    sections = {key for key in keys if "." not in key}
    for code in inline_code(page.read_text(encoding="utf-8")):
        for key in re.findall(r"(?<![\w./-])([a-z]+\.[a-z_]+)(?![\w./(])", code):
            if key.partition(".")[0] in sections and key not in keys and not key.endswith(FILES):
                assert is_module(key), f"`{code}`: {key} is no key of the config"


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_files_and_modules_exist(page: Path) -> None:
    for code in inline_code(page.read_text(encoding="utf-8")):
        if re.fullmatch(rf"({'|'.join(ROOMS)})(/[\w.-]+)+", code):
            assert (ROOT / code).exists(), code
        elif re.fullmatch(r"recsys(\.\w+)+", code) and code not in TABLES:
            assert is_module(code), code
        for program in re.findall(r"python -m (benchmarks(?:\.\w+)*)", code):
            assert is_module(program), code


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    asked = [code for code in inline_code(text) if code.startswith("make ")]
    asked += [line for block in blocks(text) for line in block.splitlines() if line.startswith("make ")]
    assert {words.split()[1] for words in asked} <= targets


def is_module(dotted: str) -> bool:
    """Is it a module, or something in one?"""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.util.find_spec(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        if found is not None:
            thing: object = importlib.import_module(".".join(parts[:end]))
            return all((thing := getattr(thing, part, None)) is not None for part in parts[end:])
    return False


def test_the_page_on_features_has_every_kind_with_its_arguments() -> None:
    described: dict[str, set[str]] = {}
    for kinds, arguments in re.findall(
        r"^\| (`.+?`) \| (.*?) \|", section(page("docs/features.md"), "Kinds"), re.MULTILINE
    ):
        described |= {kind: set(re.findall(r"\w+", arguments)) for kind in re.findall(r"\w+", kinds)}
    assert described.keys() == {kind.__name__ for kind in KINDS}
    for kind in KINDS:
        assert {field.name for field in fields(kind)} <= described[kind.__name__], kind.__name__  # type: ignore[arg-type]


def test_the_page_on_serving_has_the_routes_that_there_are(tmp_path: Path) -> None:
    named = re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?]*)[^`]*`", page("docs/serving.md"))
    paths = create_app(Settings.of(Config(), tmp_path)).openapi()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {(method, re.sub("{.*?}", "{}", path)) for method, path in named} == {
        (method, re.sub("{.*?}", "{}", path)) for method, path in there
    }


def test_the_tables_of_columns_are_those_that_are_read() -> None:
    text = section(page("README.md"), "Your own data")
    rows = [re.split(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("| ")]
    items, events = ({name for row in rows for name in re.findall(r"`(\w+)`", row[cell])} for cell in (1, 3))
    assert events == {column.name for column in EVENTS}
    assert items == {column.name for column in ITEMS}
    requests = re.findall(r"^\| `(\w+)` \|", section(page("docs/data.md"), "Requests"), re.MULTILINE)
    assert {column.name for column in REQUESTS} < set(requests)
