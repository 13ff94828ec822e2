"""Ranked lists of many requests into one parquet file, in parts that survive an interruption."""

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys.counts import counted
from recsys.data.requests.request import Request
from recsys.disk import locked_for_now, replace_file, sync
from recsys.errors import BusyError, DataError
from recsys.pipeline.engines.engine import Task
from recsys.pipeline.offline.parts import Job, Parts
from recsys.pipeline.recommender.item_list import lists_to_polars
from recsys.pipeline.recommender.recommend import Recommender
from recsys.progress import Progress, silent

_REQUESTS_PER_PART = 1_000

Part = tuple[int, bytes]
"""Number and content of a part's file."""

Spread = Callable[[Callable[..., Part], Iterable[Task]], Iterator[Part | None]]
"""`Engine.run` with what processes open bound to it, as in `partial(engine.run, published.open)`."""


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


class UserRequests(Sequence[Request]):
    """One request a user, made when it is looked at; the user's id is the request's."""

    def __init__(self, ids: Sequence[str], n: int) -> None:
        self._ids = ids
        self._n = n

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # of an int a request, of a slice a list
        if isinstance(index, slice):
            return [Request(user_id=user, n=self._n, request_id=user) for user in self._ids[index]]
        return Request(user_id=self._ids[index], n=self._n, request_id=self._ids[index])


def rank_to_parquet(
    recommender: Recommender,
    requests: Sequence[Request],
    out: Path,
    *,
    resume: bool = False,
    spread: Spread | None = None,
    deliver: Callable[[Path], None] | None = None,
    progress: Progress = silent,
) -> BatchSummary:
    """Rank and write. `out` appears when it is complete; an interrupted run leaves its finished parts in `out`.parts.

    Parts are ranked and written one at a time, so memory grows only with the ids of the requests.

    Args:
        resume: keep the parts of an interrupted run of the same requests with the same version.
        spread: where parts are ranked side by side, by the same version; without it, or if there is only one, this
            process ranks them. Only this process writes files.
        deliver: called with `out` while its parts are still there, so that a failed delivery can be repeated without
            ranking again.

    Raises:
        DataError: there is nothing to rank, two requests share an id, `out` cannot be written, or a worker died.
        BusyError: another run writes `out`.
    """
    if not requests:
        raise DataError("there are no users or requests to rank; give one or more")
    if len({request.request_id for request in requests}) != len(requests):
        raise DataError("two requests share a request_id; make them distinct")
    out = out.resolve()  # what a link names is replaced, not the link
    if os.path.exists(out) and not out.is_file():  # Path's own raises where a folder may not be entered
        raise DataError(f"{out} is a folder or a device; name a file")
    half = out.with_name(out.name + ".half")
    parts = Parts(out.with_name(out.name + ".parts"), requests, _REQUESTS_PER_PART)
    with only_run(out.with_name(f".{out.name}.lock"), out):
        try:
            job = _job(recommender, requests)
            if not (resume and parts.are_of(job, progress)):
                parts.begin(job)
            _rank_all(recommender, parts, spread, progress)
            pl.scan_parquet(parts.paths, glob=False).sink_parquet(half)
            summary = _summary(recommender, parts)
            sync(half)
            os.replace(half, out)
            sync(out.parent)  # before the parts are gone, from which it could be made again
            if deliver is not None:
                deliver(out)
            shutil.rmtree(parts.folder)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unwritable(out, error) from error
        finally:
            with suppress(OSError):
                half.unlink()
    return summary


@contextmanager
def only_run(lock: Path, out: object) -> Iterator[None]:
    """Hold a lock file during a run, so that it is the only one.

    Args:
        lock: the file, beside what is to be written by one run at a time.
        out: what messages call that.

    Raises:
        BusyError: another run holds it.
        DataError: its folder cannot be written.
    """
    with ExitStack() as held:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            alone = held.enter_context(locked_for_now(lock))
        except OSError as error:
            raise _unwritable(out, error) from error
        if not alone:
            raise BusyError(f"another run writes {out}; wait until it has ended, or name another place")
        yield


def _unwritable(out: object, error: Exception) -> DataError:
    return DataError(f"{out} cannot be written: {error}; check the folder and that its disk has room")


def _rank_all(recommender: Recommender, parts: Parts, spread: Spread | None, progress: Progress) -> None:
    """Rank every part that is missing, and say how far and how fast it goes."""
    missing, paths, n_requests = parts.missing(), parts.paths, len(parts.requests)
    there, done, started = n_requests - sum(map(parts.size, missing)), 0, time.monotonic()
    tasks = ((number, parts.requests_of(number)) for number in missing)
    finished = spread(rank_part, tasks) if spread and len(missing) > 1 else (rank_part(recommender, *t) for t in tasks)
    for part in finished:
        if part is None:
            started = time.monotonic()  # a worker is ready: loading does not count in the rate
            continue
        number, content = part
        replace_file(paths[number], content)
        done += parts.size(number)
        rate = done / max(time.monotonic() - started, 1e-9)
        minutes, seconds = divmod(int((n_requests - there - done) / rate), 60)
        count = f"ranked {there + done:,} of {counted(n_requests, 'request')}"
        progress(f"{count}, {rate:,.0f} a second, {minutes}:{seconds:02d} left")


def rank_part(recommender: Recommender, number: int, requests: Sequence[Request]) -> Part:
    """Rank some requests into the content of a parquet file.

    Nothing is explored: the file has no column for how likely an item was to be there.
    """
    content, explores = io.BytesIO(), recommender.bundle.config.policy.exploration > 0
    meant = [request.unexplored() if explores or request.policy else request for request in requests]
    lists_to_polars(recommender.recommend_many(meant)).write_parquet(content)
    return number, content.getvalue()


def _summary(recommender: Recommender, parts: Parts) -> BatchSummary:
    rows = lists = cold = 0
    items: set[str] = set()
    for number, path in enumerate(parts.paths):
        columns = pl.read_parquet(path, columns=["request_id", "item_id"], glob=False)
        rows, lists = rows + columns.height, lists + columns["request_id"].n_unique()
        items.update(columns["item_id"].unique())
        cold += int(recommender.are_cold(parts.requests_of(number)).sum())
    n_requests = len(parts.requests)
    return BatchSummary(n_requests, rows, n_requests - lists, cold, len(items), recommender.version)


def _job(recommender: Recommender, requests: Sequence[Request]) -> Job:
    """What identifies a run: the version, the data, the size of its parts, and the requests. Parts of another run are
    not used."""
    asked = hashlib.sha256(f"{_REQUESTS_PER_PART}".encode())
    for request in requests:
        asked.update(repr(request).encode("utf-8", "surrogatepass"))
    return {
        "another version": recommender.version,
        "other data (the files or the store have changed since)": recommender.bundle.fingerprint,
        "other requests": asked.hexdigest(),
    }
