"""The command line run in this process, and a shop to damage."""

from pathlib import Path

import pytest
from shop import Outcome, Run, write_shop

from recsys.cli.main import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("train", folder, "--registry", registry)`: exit code, standard output, standard error."""
    monkeypatch.delenv("RECSYS_DEBUG", raising=False)

    def command(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A dataset directory that a test may damage."""
    return write_shop(tmp_path / "shop")
