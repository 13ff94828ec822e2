"""The configuration from TOML and from `section.key=value` overrides.

A key that does not exist is a `ConfigError` that names the nearest key that does.
"""

import difflib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recsys.config.tree import Config
from recsys.errors import ConfigError


def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML file and apply `section.key=value` overrides, later ones winning.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest one is named), a value is wrong.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except FileNotFoundError as error:
            raise ConfigError(f"config file {path} does not exist") from error
        except OSError as error:
            raise ConfigError(f"config file {path} cannot be read: {error}; name a TOML file") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"config file {path} is not valid TOML: {error}") from error
    for one in overrides:
        _apply(tree, one)
    return parse_config(tree)


def override(config: Config, overrides: Sequence[str], section: str) -> Config:
    """A config with `section.key=value` overrides of one section.

    Raises:
        ConfigError: a key is of another section or unknown, or a value is wrong.
    """
    tree = config.model_dump(mode="json")
    for one in overrides:
        if not one.strip().startswith(f"{section}."):
            raise ConfigError(f"--set {one!r}: only keys of [{section}] can be set here")
        _apply(tree, one)
    return parse_config(tree)


def parse_config(tree: dict[str, Any]) -> Config:
    """Validate a nested mapping into a `Config`. A value must be of its key's type: `true` is no number of trees.

    Raises:
        ConfigError: a key is unknown or a value is wrong; every problem is listed.
    """
    try:
        # As JSON, in which a list may become a tuple though nothing else is converted.
        return Config.model_validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        found = error.errors()
        within = {problem["loc"][:depth] for problem in found for depth in range(len(problem["loc"]))}
        # What is wrong within a value may leave too little of it: only the former is reported.
        problems = "; ".join(_describe(dict(problem)) for problem in found if problem["loc"] not in within)
        raise ConfigError(f"config: {problems}") from error


def _apply(tree: dict[str, Any], setting: str) -> None:
    """Set one `a.b=value` in the tree."""
    (*parents, leaf), value = _parsed(setting)
    node = tree
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"--set {setting!r}: {parent} is a value, not a section")
        node = child
    node[leaf] = value


def _parsed(setting: str) -> tuple[list[str], Any]:
    """The parts of the key, and the value: TOML, or `.5`, `True` or `False`; else it is taken as a string."""
    key, separator, text = setting.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"--set {setting!r}: write it as section.key=value, for example text.epochs=2")
    text = text.strip()
    written = text.lower() if text in ("True", "False") else f"0{text}" if text.startswith(".") else text
    try:
        value, *further = tomllib.loads(f"value = {written}").values()
    except tomllib.TOMLDecodeError as error:
        if text.startswith(("[", "{")):
            raise ConfigError(
                f"--set {setting!r}: the value is not valid TOML; quote what is text in it, and all of it from the "
                """shell: --set 'candidates.sources=["als", "popular"]'"""
            ) from error
        value, further = text, []
    if further:
        raise ConfigError(f"--set {setting!r}: give one key at a time, each after a --set of its own")
    return _path(key.strip()), value


def _path(key: str) -> list[str]:
    """The parts of a dotted key; one in quotes, as TOML has them, may hold anything: `events.weights."add to cart"`."""
    path: list[str] = []
    try:
        node: Any = tomllib.loads(f"{key} = true")
        while isinstance(node, dict):
            ((part, node),) = node.items()
            path.append(part)
    except ValueError:  # it lacks the quotes that TOML asks for
        return key.split(".")
    return path


def _describe(problem: dict[str, Any]) -> str:
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg'].removeprefix('Value error, ')} (got {problem['input']!r})"
    near = difflib.get_close_matches(key, known_keys(), n=1, cutoff=0.0)
    return f"unknown key {key!r}; the nearest one is {near[0]!r}"


def known_keys() -> list[str]:
    """All keys of the tree as `section` and `section.key`."""
    keys = []
    for section, field in Config.model_fields.items():
        keys.append(section)
        assert field.annotation is not None
        keys.extend(f"{section}.{key}" for key in field.annotation.model_fields)
    return keys
