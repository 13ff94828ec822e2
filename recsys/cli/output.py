"""What a command answers on standard output: one JSON object for programs, a table for people."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_ENOUGH = 10_000
"""Characters of the widest line that is written to a file or a pipe."""

_RULE = 160
"""Longest rule below a heading that is written there: a single long cell would make it as wide."""

_HIDDEN = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
"""Control characters: in a title they would move the cursor, or colour the screen."""


def command(*words: object) -> str:
    """A command of recsys, quoted, as it can be typed here: with its path where the shell would find no other, or that
    of another environment, as after `make demo`, which activates none."""
    folder = Path(sys.executable).parent
    found = shutil.which("recsys")
    if found is not None and Path(found).parent == folder:
        program = ["recsys"]
    elif (folder / "recsys").exists():
        beside = os.path.relpath(folder / "recsys")
        below = os.sep in beside and not beside.startswith(os.pardir)
        program = [beside if below else str(folder / "recsys")]
    else:
        program = [sys.executable, "-m", "recsys"]
    return shlex.join([*program, *map(str, words)])


def visible(text: str) -> str:
    """A text of the data as a terminal may show it."""
    return text.translate(_HIDDEN)


def print_json(answer: Mapping[str, Any]) -> None:
    """One JSON object, indented, at once; numbers of numpy are numbers, NaN is null."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(answer, option=options).decode())
    sys.stdout.flush()


def is_narrow(width: int) -> bool:
    """Whether a table of so many characters would be folded: only a terminal has a width."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < width


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", whole: Sequence[str] = ()
) -> None:
    """A table of text. Off a terminal it is as wide as its content, so that nothing is cut; on a narrow one cells are
    folded, except those of the columns `whole`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    above = [visible(title)] if title else []  # a title of the table itself would be broken at its width
    for row in rows:
        table.add_row(*map(visible, row))
    if sys.stdout.isatty():
        Console(highlight=False, markup=False, emoji=False).print(*above, table, sep="\n")
        return
    console = Console(width=_ENOUGH, highlight=False, markup=False, emoji=False)
    with console.capture() as written:
        console.print(*above, table, sep="\n")
    for line in written.get().strip("\n").splitlines():
        print((line if line.strip(" ─") else line[:_RULE]).rstrip())
