"""Flags that several verbs share, and what they turn into."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.counts import counted
from recsys.errors import ConfigError

if TYPE_CHECKING:
    from recsys.config import Config
    from recsys.data.dataset import Dataset
    from recsys.locations import Location
    from recsys.pipeline.engines.engine import Engine
    from recsys.store import Store

_LARGEST_SEED = 2**31 - 1
"""LightGBM's."""


def add_registry(parser: argparse.ArgumentParser) -> None:
    """`--registry REG`: the folder that holds the trained versions."""
    parser.add_argument("--registry", type=path, required=True, metavar="REG", help="folder of the trained versions")


_EXAMPLE = "text.epochs=2"
"""A setting that a training takes."""


def add_config(parser: argparse.ArgumentParser, example: str = _EXAMPLE) -> None:
    """`--config FILE` and `--set KEY=VALUE`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file (docs/config.md lists every key)")
    add_overrides(parser, example)


def add_overrides(parser: argparse.ArgumentParser, example: str = _EXAMPLE) -> None:
    """`--set KEY=VALUE`."""
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help=f"override, e.g. {example}"
    )


def add_engine(parser: argparse.ArgumentParser, default: str) -> None:
    """`--engine local|ray` and `--workers W`; `default` says how many processes this machine uses without it."""
    parser.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="processes of this machine, or a Ray cluster: that of $RAY_ADDRESS, else one started here (recsys[ray])",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="W", help=f"processes (default: {default}; with ray, all of the cluster)"
    )


def engine(arguments: argparse.Namespace) -> "Engine | None":
    """The engine that `--engine` and `--workers` ask for; None when this process does all the work."""
    if arguments.engine == "ray":
        from recsys.pipeline.engines.ray_cluster import RayCluster

        return RayCluster(arguments.workers)
    from recsys.pipeline.engines.processes import Processes

    n = arguments.workers or os.cpu_count() or 1
    return Processes(n) if n > 1 else None


def path(text: str) -> Path:
    """A path, for argparse. An empty one, as of a variable that is not set, would be the current folder, and a URL a
    folder of that name in it."""
    found = location(text)
    if not isinstance(found, Path):
        raise argparse.ArgumentTypeError("is a URL, and must be a path on this machine")
    return found


def location(text: str) -> "Location":
    """A path, or a URL that fsspec knows, for argparse."""
    from recsys.locations import location

    return location(word(text))


def word(text: str) -> str:
    """Anything but nothing, for argparse."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def id_(text: str) -> str:
    """The id of a user or an item, for argparse. A blank one is nobody's: files and the API refuse it."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be blank; write an id")
    return text


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed N`."""
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random draws (default 0)")


def read_config(arguments: argparse.Namespace, reads: tuple[str, ...] = ("",)) -> "Config":
    """The config that `--config` and `--set` ask for.

    A file may hold the keys of all verbs, but a `--set` is meant for this one: standard error names those without
    effect.

    Args:
        reads: what the keys begin with that the verb reads.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong value.
    """
    from recsys.config import load_config

    config = load_config(arguments.config, arguments.overrides)
    for one in arguments.overrides:
        if not one.strip().startswith(reads):
            print(f"--set {one}: changes nothing here; what is read is {', '.join(reads)}", file=sys.stderr)
    return config


def read_data(directory: "Location", config: "Config", progress: Callable[[str], None]) -> "Dataset":
    """A dataset directory; its bad rows are set aside in `rejected.jsonl`. It says how many, and what may be misspelt.

    Raises:
        DataError: see `load_dataset`.
    """
    from recsys.data.loading import load_dataset
    from recsys.data.tables.rejections import rejected_path

    progress(f"reading {directory}")
    rejected = rejected_path(directory)
    dataset = load_dataset(directory, config, rejected, progress)
    if dataset.n_rejected:
        progress(f"{counted(dataset.n_rejected, 'bad row')} set aside in {rejected}")
    return dataset


def read_time(text: str) -> int:
    """Microseconds since 1970 UTC of a time as event files write it: ISO 8601, epoch seconds or milliseconds.

    Raises:
        ConfigError: the text is no such time.
    """
    import polars as pl

    from recsys.data.tables.parsing import times_of

    time = times_of(pl.Series([text])).item()
    if time is None:
        raise ConfigError(f"--until {text!r}: write a time such as 2024-05-01T12:00:00Z, or epoch seconds")
    return int(time)


def whole(text: str) -> int:
    """A whole number, for argparse. (What `int` itself raises, argparse words with the name of a function.)"""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a whole number; write one, such as 10") from None


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; write 1 or more")
    return number


def seed(text: str) -> int:
    """A whole number that every library takes as a seed, for argparse."""
    number = whole(text)
    if not 0 <= number <= _LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"must be between 0 and {_LARGEST_SEED}")
    return number


def existing_store(url: str) -> "Store":
    """Open the store of a server; opening a SQLite file whose name is misspelt would create an empty one.

    Raises:
        ConfigError: the URL is not one, or its scheme is not known.
        StoreError: there is no such file, or the store cannot be reached.
    """
    from recsys.errors import StoreError
    from recsys.store import open_store, sqlite_file

    file = sqlite_file(url)
    if file is not None and not os.path.exists(file):  # Path's own raises where a folder may not be entered
        raise StoreError(f"there is no store {file}; `recsys serve` and `recsys ingest` make it, or name another")
    return open_store(url)
