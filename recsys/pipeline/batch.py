"""Ranked lists of many requests into one parquet file, in parts that survive an interruption."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from recsys.data.requests import Request
from recsys.errors import DataError
from recsys.pipeline.item_list import lists_to_polars
from recsys.pipeline.recommend import Recommender
from recsys.pipeline.stage_one import Progress

_REQUESTS_PER_PART = 2_000


@dataclass(frozen=True)
class BatchSummary:
    """What a batch run wrote.

    Attributes:
        requests: lists asked for.
        rows: rows written.
        empty: requests whose rules left no item.
        cold_users: requests without any history.
        items: distinct items over all lists.
        model_version: who ranked.
    """

    requests: int
    rows: int
    empty: int
    cold_users: int
    items: int
    model_version: str

    def to_dict(self) -> dict[str, int | str]:
        """The fields by name."""
        return asdict(self)


def rank_to_parquet(
    recommender: Recommender,
    requests: Sequence[Request],
    out: Path,
    *,
    resume: bool = False,
    progress: Progress = lambda message: None,
) -> BatchSummary:
    """Rank and write. `out` appears when it is complete; an interrupted run leaves whole parts in `out`.parts.

    Args:
        resume: keep the parts of an interrupted run of the same requests with the same version.

    Raises:
        DataError: there is nothing to rank, two requests share an id, or `out` cannot be written.
    """
    if not requests:
        raise DataError("there is nobody to rank for")
    if len({request.request_id for request in requests}) != len(requests):
        raise DataError("two requests share a request_id; make them distinct")
    parts = out.with_name(out.name + ".parts")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _prepare(parts, _job(recommender, requests), resume)
        for number, start in enumerate(range(0, len(requests), _REQUESTS_PER_PART)):
            path = parts / f"{number:06d}.parquet"
            if not path.exists():
                lists = recommender.recommend_many(requests[start : start + _REQUESTS_PER_PART])
                _write(lists_to_polars(lists), path)
            progress(f"ranked {min(start + _REQUESTS_PER_PART, len(requests)):,} of {len(requests):,} requests")
        whole = pl.scan_parquet(parts / "*.parquet")
        half = out.with_name(out.name + ".half")
        whole.sink_parquet(half)
        os.replace(half, out)
        found = whole.select(pl.len(), pl.col("request_id").n_unique(), pl.col("item_id").n_unique()).collect().row(0)
        shutil.rmtree(parts)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error}") from error
    cold = sum(recommender.is_cold(request) for request in requests)
    return BatchSummary(len(requests), found[0], len(requests) - found[1], cold, found[2], recommender.version)


def _job(recommender: Recommender, requests: Sequence[Request]) -> str:
    """What a run is: the version and the requests; parts of another run are not its own."""
    digest = hashlib.sha256(recommender.version.encode())
    for request in requests:
        digest.update(repr(request).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _prepare(parts: Path, job: str, resume: bool) -> None:
    """An empty folder of parts, or the one that an interrupted run of the same job left."""
    note = parts / "job.json"
    if resume and note.exists() and json.loads(note.read_text(encoding="utf-8")) == {"job": job}:
        return
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir()
    half = note.with_suffix(".half")
    half.write_text(json.dumps({"job": job}), encoding="utf-8")
    os.replace(half, note)


def _write(frame: pl.DataFrame, path: Path) -> None:
    half = path.with_suffix(".half")
    frame.write_parquet(half)
    os.replace(half, path)
