"""Lists of a batch to where they are looked up by id."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import polars as pl

from recsys.store.precomputed_lists import PrecomputedLists

_ROWS = 200_000
_COLUMNS = ("item_id", "score", "p_click", "p_purchase", "sources")


def deliver(lists: Path, target: PrecomputedLists, key: Callable[[str], str] = lambda id_: id_) -> int:
    """Put the lists of a Parquet file or folder (`LIST_SCHEMA`) where they are looked up, instead of those there.

    The id of a list is its request's; in a batch over users, that is the user's. Memory does not grow with the file.

    Args:
        lists: what a batch has written; the rows of a list stand together.
        target: where they go.
        key: an id to the one under which it is looked up.

    Returns:
        How many lists there are.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return target.replace((key(id_), content) for id_, content in _contents(lists, made_at))


def _contents(lists: Path, made_at: str) -> Iterator[tuple[str, str]]:
    """Id and content of each list."""
    last: str | None = None
    items: list[dict[str, object]] = []
    version = ""
    for id_, version_of_row, item in _rows(lists):
        if id_ != last and last is not None:
            yield last, _content(version, made_at, items)
            items = []
        last, version = id_, version_of_row
        items.append(item)
    if last is not None:
        yield last, _content(version, made_at, items)


def _rows(lists: Path) -> Iterator[tuple[str, str, dict[str, object]]]:
    source = sorted(lists.rglob("*.parquet")) if lists.is_dir() else lists
    for batch in pl.scan_parquet(source, glob=False).collect_batches(chunk_size=_ROWS, maintain_order=True):
        columns = [batch[name].to_list() for name in ("request_id", "model_version", *_COLUMNS)]
        for id_, version, *cells in zip(*columns, strict=True):
            yield id_, version, dict(zip(_COLUMNS, cells, strict=True))


def _content(version: str, made_at: str, items: list[dict[str, object]]) -> str:
    return orjson.dumps({"model_version": version, "made_at": made_at, "items": items}).decode()
