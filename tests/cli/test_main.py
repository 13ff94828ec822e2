"""The frame around all verbs: usage, exit codes, interruptions, closed pipes."""

import argparse
import ctypes
import errno
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from safetensors import SafetensorError

from recsys.cli import main as module
from recsys.cli.main import main
from recsys.errors import BundleError, ConfigError, DataError, RecsysError, StoreError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> object:
    """Adds a verb `act` that does what the test puts into `act.does`."""
    act = SimpleNamespace(does=lambda: 0)

    def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        subparsers.add_parser("act").set_defaults(run=lambda _arguments: act.does())

    monkeypatch.setattr(module, "VERBS", (*module.VERBS, SimpleNamespace(add_parser=add_parser)))
    monkeypatch.delenv("RECSYS_DEBUG", raising=False)
    return act


def raising(error: BaseException) -> object:
    def act() -> int:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError, 2), (DataError, 3), (BundleError, 4), (StoreError, 5), (RecsysError, 1)],
)
def test_domain_error_is_a_message_and_its_code(verb, capsys, error: type[RecsysError], code: int) -> None:
    verb.does = raising(error("what, where, what to do"))
    assert main(["act"]) == code
    captured = capsys.readouterr()
    assert captured.err == "recsys: error: what, where, what to do\n"
    assert captured.out == ""


def test_a_panic_of_a_library_shows_no_trace(verb, capsys) -> None:
    def panics() -> int:
        return int(pl.Series([2**63 - 1]).cast(pl.Datetime("us")).cast(pl.String)[0])

    verb.does = panics
    assert main(["act"]) == 1
    assert "recsys: error: PanicException" in capsys.readouterr().err


def test_unexpected_error_shows_no_trace(verb, capsys) -> None:
    verb.does = raising(ZeroDivisionError("division by zero"))
    assert main(["act"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "RECSYS_DEBUG=1" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        SafetensorError("Error while serializing: I/O error: File too large (os error 27)"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_a_full_disk_is_reported_whichever_library_met_it(verb, capsys, error: Exception) -> None:
    verb.does = raising(error)
    assert main(["act"]) == 4
    err = capsys.readouterr().err
    assert "make room" in err
    assert "unexpected" not in err


def test_debug_shows_the_trace(verb, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_DEBUG", "1")
    verb.does = raising(DataError("bad"))
    assert main(["act"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_ends_with_code_130(verb, capsys) -> None:
    verb.does = raising(KeyboardInterrupt())
    assert main(["act"]) == 130
    assert capsys.readouterr().err == "recsys: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("before", "code"), [(signal.SIG_DFL, 130), (signal.SIG_IGN, 0)])
def test_termination_unwinds_like_an_interruption_unless_it_is_ignored(
    verb, number: signal.Signals, before: signal.Handlers, code: int
) -> None:
    """`nohup` has SIGHUP ignored."""
    cleaned = []

    def act() -> int:
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(True)
        return 0

    verb.does = act
    usual = signal.signal(number, before)
    try:
        assert main(["act"]) == code
        assert cleaned == [True]
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, usual)


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_the_program_is_loaded(number: signal.Signals) -> None:
    """It takes a moment; a trace would say nothing to whoever pressed Ctrl-C."""
    program = (
        "import signal, sys\n"
        "class Pressing:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == 'recsys.cli.train': signal.raise_signal({int(number)})\n"
        "sys.meta_path.insert(0, Pressing())\n"
        "from recsys.__main__ import run\n"
        "sys.exit(run())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "recsys: interrupted\n")


@pytest.mark.usefixtures("usual_signals")
def test_an_interruption_that_a_library_loses_comes_again(verb, capsys) -> None:
    """As one that falls into a compiler's callback does."""
    callback = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))
    went_on = []

    def act() -> int:
        callback()
        went_on.append(True)
        threading.Event().wait(10)
        return 0

    verb.does = act
    before = signal.getsignal(signal.SIGALRM), sys.unraisablehook
    assert main(["act"]) == 130
    assert went_on, "the interruption was lost"
    assert capsys.readouterr().err == "recsys: interrupted\n"
    assert (signal.getsignal(signal.SIGALRM), sys.unraisablehook) == before


def test_help_and_readme_name_every_exit_code(capsys) -> None:
    assert main(["--help"]) == 0
    texts = capsys.readouterr().out, (Path(__file__).parents[2] / "README.md").read_text()
    kinds = (RecsysError, ConfigError, DataError, BundleError, StoreError)
    codes = [0, *(kind.exit_code for kind in kinds), module.INTERRUPTED]
    for text in texts:
        (listed,) = re.findall(r"exit codes: (.*?half-written)", text, re.DOTALL | re.IGNORECASE)
        assert [int(part.split()[0]) for part in listed.split(";")] == codes


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train"], ["train", "d"], ["train", "d", "--registr", "r"]])
def test_wrong_usage_is_2(capsys, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "usage: recsys" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["u\udcff", "--registry=\udcff"])
def test_a_word_that_is_no_utf_8_is_wrong_usage(capsys, word: str) -> None:
    assert main(["explain", "--registry", "r", "--user", word]) == 2
    assert capsys.readouterr().err.startswith(f"recsys: error: {word!a} is not UTF-8 text")


def test_where_words_are_not_read_as_utf_8_it_is_said_how_to_have_them_so() -> None:
    """Under such a locale `ü` is two letters, or none: another id, another file."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "recsys", "explain", "--registry", "r", "--user", "ü"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "set PYTHONUTF8=1" in done.stderr


def test_an_interpreter_without_docstrings_is_refused() -> None:
    environment = {**os.environ, "PYTHONOPTIMIZE": "2"}
    command = [sys.executable, "-m", "recsys", "explain", "--registry", "r", "--user", "u"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr == (
        "recsys: error: Python runs with -OO or PYTHONOPTIMIZE=2, where LightGBM does not start; use at most 1\n"
    )


@pytest.mark.parametrize("arguments", [["train", "d", "--registry", ""], ["train", "", "--registry", "r"]])
def test_an_empty_path_is_not_the_current_folder(capsys, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "must not be empty" in capsys.readouterr().err


ACTING = (
    "import sys\n"
    "from types import SimpleNamespace\n"
    "from recsys.cli import main as module\n"
    "def act(_arguments):\n"
    "    {does}\n"
    "    return 0\n"
    "module.VERBS = (SimpleNamespace(add_parser=lambda sub: sub.add_parser('act').set_defaults(run=act)),)\n"
    "sys.exit(module.main(['act']))\n"
)


@pytest.mark.parametrize(
    ("does", "redirected", "code", "said"),
    [
        ("print('line')", "> /dev/full", 3, "standard output cannot be written: [Errno 28]"),
        ("print('line', flush=True)", "> /dev/full", 3, "standard output cannot be written: [Errno 28]"),
        ("[print('line' * 9999) for _ in range(9)]", "> /dev/full", 3, "standard output cannot be written"),
        ("print('line')", ">&-", 2, "standard output is closed"),
        ("print('lamp of Gr\\xf6ße')", "> /dev/null", 2, "cannot hold '\\xf6\\xdf' (its encoding is ascii)"),
        ("print('line', file=sys.stderr)", "2>&-", 0, ""),
        ("[print('line', file=sys.stderr) for _ in range(9)]", "2> /dev/full", 0, ""),
        ("sys.stderr.write('no end of a line')", "2> /dev/full", 0, ""),
        ("raise module.BundleError('damaged')", "2> /dev/full", 4, ""),
    ],
)
def test_streams_that_fail_are_one_line(does: str, redirected: str, code: int, said: str) -> None:
    words = f'exec "$0" -c "$1" {redirected}'
    done = subprocess.run(
        ["sh", "-c", words, sys.executable, ACTING.format(does=does)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)
    assert done.stderr.startswith("recsys: error: ") == bool(said)


def test_where_compiled_loops_can_be_kept_nowhere() -> None:
    """As for a service's user, who has no home and may not write where recsys is installed; root may everywhere."""
    does = "raise RuntimeError(\"cannot cache function 'rows_of': no locator available for file 'compiled.py'\")"
    done = subprocess.run([sys.executable, "-c", ACTING.format(does=does)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "set NUMBA_CACHE_DIR to a folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), 2, "Too many open files; let a process open more files"),
        (MemoryError("Unable to allocate 9 GiB"), 1, "Unable to allocate 9 GiB; there is too little memory"),
    ],
)
def test_what_a_machine_lacks_is_named(verb, capsys, error: Exception, code: int, said: str) -> None:
    verb.does = raising(error)
    assert main(["act"]) == code
    assert said in capsys.readouterr().err


def test_where_temporary_files_can_be_nowhere() -> None:
    """As in a container whose file system is read-only."""
    does = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/proc/nowhere']; tempfile.gettempdir()"
    done = subprocess.run([sys.executable, "-c", ACTING.format(does=does)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No usable temporary directory found" in done.stderr
    assert "set TMPDIR to a folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_error() -> None:
    program = ACTING.format(does="for _ in range(100_000): print('line')")
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == "line\n"
    child.stdout.close()
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.wait(timeout=30) == 0
