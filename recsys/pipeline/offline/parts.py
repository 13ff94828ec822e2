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

Job = dict[str, str]
"""What identifies a run: in words what is another one where it differs -> name or digest of it."""


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

    def are_of(self, job: Job, progress: Progress) -> bool:
        """Whether an interrupted run of the same job has left parts; says in what respect they are of another one."""
        if not self._note.exists():
            return False
        left = _noted(self._note)
        others = [what for what, digest in job.items() if left.get(what) != digest]
        if others:
            progress(f"an interrupted run left parts of {' and '.join(others)}: starting anew")
        return not others

    def begin(self, job: Job) -> None:
        """Make the folder, empty, for the parts of a job."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        replace_file(self._note, json.dumps(job).encode())

    def missing(self) -> list[int]:
        """The parts whose file is not there yet, or damaged."""
        return [number for number, path in enumerate(self.paths) if not _is_whole(path)]


def _noted(note: Path) -> dict[str, str]:
    try:
        job = json.loads(note.read_bytes())
    except ValueError:  # a disk has lost what was written
        return {}
    return job if isinstance(job, dict) else {}


def _is_whole(part: Path) -> bool:
    """Whether a part exists and can be read: a disk may have lost what was written."""
    try:
        pl.read_parquet(part, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True
