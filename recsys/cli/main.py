"""`recsys COMMAND ...`: the parser, and the one place where errors become exit codes."""

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from recsys import __version__
from recsys.cli import (
    data,
    demo,
    doctor,
    evaluate,
    explain,
    features,
    ingest,
    interruptions,
    models,
    rank,
    retrain,
    serve,
    simulate,
    streams,
    train,
)
from recsys.errors import BundleError, ConfigError, RecsysError, is_full

VERBS: tuple[ModuleType, ...] = (
    *(demo, data, train, evaluate, rank, serve),
    *(ingest, retrain, models, simulate, features, explain, doctor),
)

UNEXPECTED = 1
USAGE = 2
INTERRUPTED = 130

_MAKE_ROOM = (
    "; a disk is full: make room where the command writes, and for temporary files ($TMPDIR, else /tmp), or raise the "
    "limits (quota, `ulimit -f`)"
)

_UNCACHED = "cannot cache function"
"""What numba says where neither the source's folder nor the user's may be written."""

_NAME_CACHE = "; set NUMBA_CACHE_DIR to a folder that may be written, where compiled loops are kept"

_NO_FOLDER = ("No usable temporary directory", "a temporary directory could not be created")
"""What Python and matplotlib say where no folder for temporary files may be written, as in a read-only container."""

_NAME_FOLDER = "; set TMPDIR to a folder that may be written, where temporary files go"

_MORE_FILES = "; let a process open more files (`ulimit -n 1024`; LimitNOFILE of a systemd unit)"
_MORE_MEMORY = "; there is too little memory: docs/scaling.md says what takes how much, and what to set lower"

_PANIC = "PanicException"
"""What libraries written in Rust, such as polars, give up in; it is no `Exception`."""

_EPILOG = """\
exit codes: 0 done; 1 unexpected, a fault of recsys (RECSYS_DEBUG=1 shows the trace); 2 wrong usage or config;
3 bad data; 4 bundle or registry; 5 store or service not reachable; 130 interrupted, with nothing half-written.
`recsys COMMAND --help` shows each command.
"""


class _Parser(argparse.ArgumentParser):
    """Flags are written out, here and in every verb: a new flag never changes what an old script means."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})
        self.register("action", "parsers", _Commands)


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # not subscriptable when it runs
    """The help of each command begins with the line that stands for it in the help above."""

    def add_parser(self, name: str, **settings: Any) -> _Parser:
        """Add a command."""
        if words := str(settings.get("help", "")):
            settings["description"] = f"{words[0].upper()}{words[1:]}."
        command: _Parser = super().add_parser(name, **settings)
        return command


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. A verb module adds itself with `add_parser` and imports what is heavy when it runs."""
    parser = _Parser(
        prog="recsys",
        description="A content recommender that reads: text interest, collaborative filtering and behaviour "
        "in one ranker, offline and online.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"recsys {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for verb in VERBS:
        verb.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Domain errors carry their own code; an interruption (Ctrl-C, SIGTERM) is 130; a closed pipe is no error; anything
    unexpected is 1, with the trace only when RECSYS_DEBUG is set.
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        _check_interpreter()
        _check_encoding(words)
        arguments = build_parser().parse_args(words)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except ConfigError as error:
        return _fail(error, error.exit_code, hint="")
    try:
        with streams.guarded_output(), interruptions.interruptible():
            code: int = arguments.run(arguments)
            sys.stdout.flush()
            return code
    except RecsysError as error:
        return _fail(error, error.exit_code, hint="")
    except KeyboardInterrupt:
        print("recsys: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`recsys ... | head`). What is still buffered must not raise again at exit.
        streams.discard_buffered(sys.stdout)
        return 0
    except BaseException as error:
        if not (isinstance(error, Exception) or type(error).__name__ == _PANIC):
            raise
        return _fail_unexpectedly(error)


def _check_interpreter() -> None:
    """Refuse an interpreter that has removed docstrings: LightGBM makes some of its own from others at import.

    Raises:
        ConfigError: it has.
    """
    if sys.flags.optimize > 1:
        raise ConfigError("Python runs with -OO or PYTHONOPTIMIZE=2, where LightGBM does not start; use at most 1")


def _check_encoding(words: Sequence[str]) -> None:
    """Refuse words that are not what was typed.

    Raises:
        ConfigError: the locale has changed them, or they are no text.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not all(word.isascii() for word in words):
        raise ConfigError(
            f"the command line is read as {encoding}, which changes ids and names of files that are not ASCII; "
            "set PYTHONUTF8=1, or a locale of UTF-8"
        )
    strange = next((word for word in words if word != word.encode(errors="replace").decode()), None)
    if strange is not None:
        raise ConfigError(f"{strange!a} is not UTF-8 text; rename the file, or correct the id")


def _fail_unexpectedly(error: BaseException) -> int:
    """Fail with an error that no room has raised as a domain error: a limit of the machine, or a fault of recsys."""
    if is_full(error):
        return _fail(error, BundleError.exit_code, hint=_MAKE_ROOM)
    if _UNCACHED in str(error):
        return _fail(error, ConfigError.exit_code, hint=_NAME_CACHE)
    if any(words in str(error) for words in _NO_FOLDER):
        return _fail(error, ConfigError.exit_code, hint=_NAME_FOLDER)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return _fail(error, ConfigError.exit_code, hint=_MORE_FILES)
    message = f"{type(error).__name__}: {error}"
    hint = _MORE_MEMORY if isinstance(error, MemoryError) else " (unexpected; RECSYS_DEBUG=1 shows the trace)"
    return _fail(RecsysError(message), UNEXPECTED, hint=hint)


def _fail(error: BaseException, code: int, *, hint: str) -> int:
    if os.environ.get("RECSYS_DEBUG"):
        traceback.print_exc()
    print(f"recsys: error: {error}{hint}", file=streams.best_effort(sys.stderr), flush=True)
    return code
