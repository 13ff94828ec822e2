"""Bad rows: each is set aside with file, line, column, value and reason, and too many of them stop the run."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys.counts import counted
from recsys.disk import replace_file
from recsys.errors import DataError
from recsys.locations import Location

REJECTED_DTYPES = {"row": pl.Int64(), "column": pl.String(), "value": pl.String(), "reason": pl.String()}

_REASONS = 3
"""Most reasons that a message gives for one table."""


@dataclass(frozen=True)
class Rejections:
    """The rejected rows of one table.

    Attributes:
        name: the file.
        first_line: line of row 0.
        n_rows: rows of the table, good and bad.
        rows: row, column, value, reason, in the order of the file; a row of the file is there once for each fault.
    """

    name: str
    first_line: int
    n_rows: int
    rows: pl.DataFrame

    def __len__(self) -> int:
        return self.rows["row"].n_unique()

    def lines(self) -> list[str]:
        """One JSON object a bad row: file, line, and column, value, reason of its first fault; `also` lists others."""
        faults: dict[int, list[dict[str, str | None]]] = {}
        for row, column, value, reason in self.rows.iter_rows():
            faults.setdefault(row, []).append({"column": column, "value": value, "reason": reason})
        return [
            json.dumps(
                {"file": self.name, "line": row + self.first_line, **first, **({"also": also} if also else {})},
                ensure_ascii=False,
            )
            for row, (first, *also) in faults.items()
        ]

    def top_reasons(self) -> list[str]:
        """The most frequent reasons, each with a count and its first example."""
        kind = pl.col("reason").str.replace(";.*", "")  # what is behind may differ by row
        groups = self.rows.sort("row", maintain_order=True).group_by("column", kind.alias("kind"), maintain_order=True)
        frequent = groups.agg(pl.col("reason").first(), pl.len().alias("count"), pl.col("row", "value").first()).drop(
            "kind"
        )
        ordered = frequent.sort("count", descending=True, maintain_order=True).head(_REASONS)
        return [
            f"{count} x {reason} (for example line {row + self.first_line}{f', column {column}' if column else ''}: "
            f"{json.dumps(value, ensure_ascii=False)})"
            for column, reason, count, row, value in ordered.iter_rows()
        ]

    def check(self, max_rejected: float) -> None:
        """Stop when too many rows are bad.

        Raises:
            DataError: more than `max_rejected` (a share) of the rows are rejected.
        """
        if len(self) <= max_rejected * self.n_rows:
            return
        raise DataError(
            f"{self.name}: {len(self):,} of {counted(self.n_rows, 'row')} rejected, more than data.max_rejected = "
            f"{max_rejected:g} allows: {'; '.join(self.top_reasons())}. Correct these rows (`recsys data check DIR` "
            f"lists them all), or raise data.max_rejected"
        )


class NoUsableRowError(DataError):
    """A table of which no row is left.

    Attributes:
        rejections: what was wrong with its rows, and with those of the tables read before.
    """

    def __init__(self, message: str, rejections: tuple[Rejections, ...]) -> None:
        super().__init__(message)
        self.rejections = rejections


def rejected_path(folder: Location) -> Path:
    """Where the bad rows of a dataset directory go: beside the data, or here if that folder cannot be written."""
    return (folder if isinstance(folder, Path) and os.access(folder, os.W_OK) else Path()) / "rejected.jsonl"


def write_rejected(path: Path, parts: Sequence[Rejections]) -> None:
    """Write one JSON object a bad row, see `Rejections.lines`. Without bad rows an earlier report goes away.

    Raises:
        DataError: the file cannot be written, or is something else than an earlier report.
    """
    try:
        if not any(len(part) for part in parts):
            if is_report(path):
                path.unlink()
            return
        if path.is_file() and path.stat().st_size and not is_report(path):
            raise DataError(
                f"{path} is not a report of bad rows, and the report of this run would replace it; give it another name"
            )
        replace_file(path, "".join(f"{line}\n" for part in parts for line in part.lines()).encode())
    except OSError as error:
        raise DataError(
            f"the rejected rows cannot be written to {path}: {error}; make room on its disk, or run this in a folder "
            "that can be written"
        ) from error


def is_report(path: Path) -> bool:
    """Whether a file is what `write_rejected` writes, and the next reading replaces or removes. Raises OSError."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.readline().startswith(b'{"file": ')
