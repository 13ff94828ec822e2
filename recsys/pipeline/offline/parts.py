"""The parts of a batch on disk: what an interrupted run has finished, the next one need not rank again."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys.data.requests.request import Request
from recsys.disk import replace_file
from recsys.progress import Progress


@dataclass(frozen=True)
class Parts:
    """The requests of a run in parts, each of which is ranked into a file of its own.

    Attributes:
        folder: of the files.
        requests: of the whole run.
        most: requests of one part.
    """

    folder: Path
    requests: Sequence[Request]
    most: int

    @property
    def paths(self) -> list[Path]:
        """The file of each part."""
        n_parts = -(-len(self.requests) // self.most)
        return [self.folder / f"{number:06d}.parquet" for number in range(n_parts)]

    def requests_of(self, number: int) -> Sequence[Request]:
        """The requests of one part."""
        return self.requests[number * self.most : (number + 1) * self.most]

    def size(self, number: int) -> int:
        """How many they are."""
        return min(self.most, len(self.requests) - number * self.most)

    @property
    def _note(self) -> Path:
        """Says of which job the files are."""
        return self.folder / "job.json"

    def are_of(self, job: str, progress: Progress) -> bool:
        """Whether an interrupted run of the same job has left parts; says so where they are of another one."""
        if not self._note.exists():
            return False
        same = self._note.read_bytes() == _note_of(job)
        if not same:
            progress("an interrupted run left parts of another version, other data or other requests: starting anew")
        return same

    def begin(self, job: str) -> None:
        """Make the folder, empty, for the parts of a job."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        replace_file(self._note, _note_of(job))

    def missing(self) -> list[int]:
        """The parts whose file is not there yet, or damaged."""
        return [number for number, path in enumerate(self.paths) if not _is_whole(path)]


def _note_of(job: str) -> bytes:
    return json.dumps({"job": job}).encode()


def _is_whole(part: Path) -> bool:
    """Whether a part exists and can be read: a disk may have lost what was written."""
    try:
        pl.read_parquet(part, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True
