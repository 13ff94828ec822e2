"""A small shop for checks of the server that are about what it promises, not about speed."""

import http.client
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson

from benchmarks.generated import publish
from benchmarks.processes import SERVE, Process, running
from recsys.registry import Registry

N_ITEMS = 2_000


def make(folder: Path) -> Registry:
    """A registry with one version of 2,000 items and users u0 to u1999."""
    return publish(folder / "registry", N_ITEMS)


class Caller:
    """One kept connection, opened again after it broke."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON (or text) of an answer.

        Raises:
            OSError, http.client.HTTPException: there was none.
        """
        try:
            content = None if body is None else orjson.dumps(body)
            self._connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            received = answer.read()
        except BaseException:
            self._connection.close()
            raise
        is_json = "json" in (answer.headers["content-type"] or "")
        return answer.status, orjson.loads(received) if is_json else received.decode()


def serving(registry: Path, port: int, *options: str) -> AbstractContextManager[Process]:
    """`recsys serve` until the block ends, once every worker is likely to answer; killed with all its workers."""
    return running((*SERVE, str(registry), *options), port)


def events(rng: Any, ids: Sequence[str]) -> dict[str, Any]:
    """A batch of clicks with these ids."""
    return {
        "events": [
            {
                "event_id": id_,
                "user_id": f"u{rng.integers(3_000)}",
                "item_id": f"i{rng.integers(N_ITEMS)}",
                "event": "click",
            }
            for id_ in ids
        ]
    }
