"""An empty registry for each test."""

from pathlib import Path

import pytest

from recsys.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "reg")
