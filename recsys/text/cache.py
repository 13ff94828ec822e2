"""Vectors on disk by content: no text is encoded twice by the same encoder."""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys.errors import BundleError, StoreError, is_full

logger = logging.getLogger("recsys.text")

_WAIT_SECONDS = 60.0
_KEYS_PER_QUERY = 500
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (version TEXT, key BLOB, vector BLOB, PRIMARY KEY (version, key)) WITHOUT ROWID"
)

Result = TypeVar("Result")


class Encoder(Protocol):
    """What turns texts into vectors, under a version that names its weights."""

    version: str
    dim: int

    def encode(self, texts: Sequence[str], done: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """(n, dim) float32."""


class VectorCache:
    """An SQLite file of vectors by (encoder version, sha256 of the text).

    Every call opens its own connection, so that threads and processes can share one file. A damaged file is replaced
    by an empty one, with a warning: all that was in it can be encoded again.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            StoreError: that is not possible. BundleError, then or later: its disk is full.
        """
        self.path = Path(path)
        self._run(lambda _: None)

    def vectors(
        self, encoder: Encoder, texts: Sequence[str], done: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """(n, dim) float32: vectors of the texts; only those not yet in the file are encoded, then kept.

        `done` is called while encoding with the number of texts encoded so far.
        """
        keys = {text: _key(text) for text in texts}
        known = self._read(encoder.version, list(keys.values()))
        missing = [text for text, key in keys.items() if key not in known]
        if missing:
            encoded = encoder.encode(missing, done)
            known |= {keys[text]: vector for text, vector in zip(missing, encoded, strict=True)}
            self._write(encoder.version, [(keys[text], known[keys[text]].tobytes()) for text in missing])
        if not texts:
            return np.empty((0, encoder.dim), dtype=np.float32)
        return np.stack([known[keys[text]] for text in texts])

    def missing(self, version: str, texts: Sequence[str]) -> list[str]:
        """The texts that are not in the file, each once."""
        keys = {text: _key(text) for text in texts}
        known = self._read(version, list(keys.values()))
        return [text for text, key in keys.items() if key not in known]

    def keep(self, version: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep vectors that were computed elsewhere; `vectors` (n_texts, dim) float32."""
        keyed = {_key(text): np.ascontiguousarray(vector) for text, vector in zip(texts, vectors, strict=True)}
        self._write(version, [(key, vector.tobytes()) for key, vector in keyed.items()])

    def drop_tuned(self, base: str, kept: Collection[str]) -> None:
        """Remove the vectors of encoders tuned from one, except some. All of them can be computed again.

        Args:
            base: version of the encoder before it was tuned; its own vectors stay.
            kept: versions that stay.
        """

        def drop(connection: sqlite3.Connection) -> None:
            there = [version for (version,) in connection.execute("SELECT DISTINCT version FROM vectors")]
            dropped = [version for version in there if version.startswith(f"{base}-") and version not in kept]
            connection.executemany("DELETE FROM vectors WHERE version = ?", [(version,) for version in dropped])

        self._run(drop)

    def count(self) -> int:
        """How many vectors are in the file, of all versions."""
        return self._run(lambda connection: int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0]))

    def _read(self, version: str, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        def read(connection: sqlite3.Connection) -> dict[bytes, NDArray[np.float32]]:
            found: dict[bytes, NDArray[np.float32]] = {}
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                some = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT key, vector FROM vectors WHERE version = ? AND key IN ({marks})", (version, *some)
                )
                found |= {key: np.frombuffer(vector, dtype="<f4") for key, vector in rows}
            return found

        return self._run(read)

    def _write(self, version: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            keyed = ((version, key, vector) for key, vector in rows)
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", keyed)

        self._run(write)

    def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do something in one transaction; where the file turns out to be damaged, do it in a new one."""
        with self._explained():
            try:
                return self._done(work)
            except sqlite3.DatabaseError as error:
                # extended codes have the plain one in their last byte; errors of Python's own have none
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                    raise
                logger.warning("vector cache %s is begun anew, for it is damaged: %s", self.path, error)
                for ending in ("", "-journal", "-wal", "-shm"):
                    self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)
                return self._done(work)

    def _done(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as connection, connection:
            connection.execute(_TABLE)
            return work(connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if is_full(error):
                raise BundleError(
                    f"vector cache {self.path} cannot be written: {error}; make room on its disk"
                ) from error
            if self._is_read_only(error):
                raise StoreError(
                    f"vector cache {self.path} is read-only ({error}), and new vectors are not kept; make it and its "
                    "folder writable"
                ) from error
            raise StoreError(f"vector cache {self.path}: {error}; delete the file to start afresh") from error

    def _is_read_only(self, error: Exception) -> bool:
        """Whether the file, or the folder that it is to be in, may not be written."""
        place = next(filter(os.path.exists, (self.path, *self.path.parents)))
        return "readonly" in str(error) or not os.access(place, os.W_OK)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
