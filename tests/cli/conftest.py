"""The command line run in this process, and a shop trained once."""

from pathlib import Path

import pytest
from shop import QUICK, Outcome, Run, write_shop

from recsys.cli.main import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("train", folder, "--registry", registry)`: exit code, standard output, standard error."""

    def command(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A dataset directory that a test may damage."""
    return write_shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dataset directory and a registry with one version trained on it; read-only for tests."""
    root = tmp_path_factory.mktemp("trained")
    data, registry = write_shop(root / "shop"), root / "registry"
    settings = [part for setting in QUICK for part in ("--set", setting)]
    assert main(["train", str(data), "--registry", str(registry), *settings]) == 0
    return data, registry
