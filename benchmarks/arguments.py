"""What the command lines of benchmarks share: names of data sets, their folder, the work folder, and progress."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of a program, as it stands there."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def real_data() -> Path:
    """The folder of the real data sets: `RECSYS_DATA`, else beside the repository."""
    return Path(os.environ.get("RECSYS_DATA", "../shared/data"))


def real_file(data_set: str, name: str) -> Path:
    """A file of a real data set; without it, the program ends with what to do."""
    path = real_data() / data_set / name
    if not path.exists():
        raise SystemExit(
            f"{path} is not there: point RECSYS_DATA to a folder of real data that holds {data_set}/{name}"
        )
    return path


def add_data(parser: argparse.ArgumentParser) -> None:
    """`--data FOLDER`: where the data sets lie."""
    parser.add_argument("--data", type=Path, default=real_data())


def add_data_sets(parser: argparse.ArgumentParser, names: Iterable[str], default: str = "all") -> None:
    """`[NAME ...] --data FOLDER`: some of the data sets."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(names)}; default {default}")
    add_data(parser)


def words(text: str) -> list[str]:
    """a,b as a list; nothing for an empty text."""
    return [part for part in text.split(",") if part]


def numbers(text: str) -> list[int]:
    """1,4,16 as a list."""
    return [int(part) for part in words(text)]


def print_progress(message: str, /) -> None:
    """A line to standard error, at once."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def work_folder(chosen: Path | None) -> Iterator[Path]:
    """The folder that `--work` names, made if it is missing; a temporary one for None."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
