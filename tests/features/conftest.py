"""Small logs, and yet states of several segments."""

from collections.abc import Iterator

import pytest

import features.state


@pytest.fixture(autouse=True, scope="session")
def small_segments() -> Iterator[None]:
    """Segments are merged as late as can be; otherwise these logs would never be in more than one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features.state, "_MERGE_RATIO", 1)
        patch.setattr(features.state, "_SMALL", 1)
        yield
