"""Amazon Reviews 2018 (Ni, Li and McAuley, EMNLP 2019) and 2023 (Hou et al., 2024): ratings and product texts.

The official files are JSON lines whose fields change type from line to line (a price that is a number, "$12.3" or a
piece of HTML), so they are read object by object.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from polars._typing import PolarsDataType

from recsys.data.datasets.source import Frames, official_file
from recsys.data.tables.table import UNREADABLE
from recsys.errors import DataError

_PRICE = re.compile(r"^\s*\$?\s*(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)")
_CUT = 16_000
"""Longest description that is kept, in characters."""

_ITEM_SCHEMA: dict[str, PolarsDataType] = {
    "item_id": pl.String,
    "title": pl.String,
    "description": pl.String,
    "category": pl.String,
    "brand": pl.String,
    "tags": pl.List(pl.String),
    "price": pl.Float64,
}
_EVENT_SCHEMA: dict[str, PolarsDataType] = {
    "user_id": pl.String,
    "item_id": pl.String,
    "timestamp": pl.Int64,
    "value": pl.Float64,
}


def read_amazon_2018(folder: Path, category: str) -> Frames:
    """Read CATEGORY.json.gz (or CATEGORY_5.json.gz, the 5-core) and meta_CATEGORY.json.gz.

    Raises:
        DataError: a file is missing or a line is not a JSON object with the official fields.
    """
    reviews = _first_present(folder, f"{category}.json.gz", f"{category}_5.json.gz")
    events = [_review(line, path, ("reviewerID", "asin", "unixReviewTime"), 1_000) for path, line in _objects(reviews)]
    described = [_item_2018(item) for _, item in _objects(official_file(folder, f"meta_{category}.json.gz"))]
    return _frames(events, described)


def read_amazon_2023(folder: Path, category: str) -> Frames:
    """Read CATEGORY.jsonl.gz and meta_CATEGORY.jsonl.gz.

    Raises:
        DataError: a file is missing or a line is not a JSON object with the official fields.
    """
    reviews = official_file(folder, f"{category}.jsonl.gz")
    events = [_review(line, path, ("user_id", "parent_asin", "timestamp"), 1) for path, line in _objects(reviews)]
    described = [_item_2023(item) for _, item in _objects(official_file(folder, f"meta_{category}.jsonl.gz"))]
    return _frames(events, described)


def price(value: Any) -> float | None:
    """A price field as a number: 12.3, "12.3", "$1,012.30", "$5.00 - $7.00" (the lower one); None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    found = _PRICE.match(value) if isinstance(value, str) else None
    return float(found.group(1).replace(",", "")) if found else None


def _item_2018(item: dict[str, Any]) -> tuple[Any, ...]:
    path = _strings(item.get("category"))
    return _item(item, "asin", path[0] if path else item.get("main_cat"), path[1:], item.get("brand"), [])


def _item_2023(item: dict[str, Any]) -> tuple[Any, ...]:
    path = _strings(item.get("categories"))
    return _item(
        item, "parent_asin", item.get("main_category"), path, item.get("store"), _strings(item.get("features"))
    )


def _item(
    item: dict[str, Any], key: str, category: Any, tags: list[str], brand: Any, features: list[str]
) -> tuple[Any, ...]:
    description = " ".join([*_strings(item.get("description")), *features])[:_CUT].strip()
    names = [text.strip() if isinstance(text, str) else "" for text in (category, brand)]
    title = item.get("title")
    return (
        str(item.get(key, "")),
        title.strip() if isinstance(title, str) and title.strip() else None,
        description or None,
        names[0] or None,
        names[1] or None,
        tags or None,
        price(item.get("price")),
    )


def _review(line: dict[str, Any], where: str, keys: tuple[str, str, str], milliseconds: int) -> tuple[Any, ...]:
    user, item, moment = (line.get(key) for key in keys)
    rating = line.get("overall", line.get("rating"))
    if user is None or item is None or not isinstance(moment, int):
        raise DataError(f"{where}: a review needs {', '.join(keys)}; is it the official file of this category?")
    return str(user), str(item), moment * milliseconds, None if rating is None else float(rating)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [part.strip() for part in value if isinstance(part, str) and part.strip()] if isinstance(value, list) else []


def _frames(events: list[tuple[Any, ...]], described: list[tuple[Any, ...]]) -> Frames:
    """Items that were reviewed and have a title, and their reviews; one review of a user and an item at one moment."""
    log = pl.DataFrame(events, schema=_EVENT_SCHEMA, orient="row").unique(
        ["user_id", "item_id", "timestamp"], keep="first", maintain_order=True
    )
    items = pl.DataFrame(described, schema=_ITEM_SCHEMA, orient="row").filter(pl.col("title").is_not_null())
    items = items.unique("item_id", keep="first", maintain_order=True)
    items = items.join(log, on="item_id", how="semi", maintain_order="left")
    log = log.join(items, on="item_id", how="semi", maintain_order="left").sort("timestamp", maintain_order=True)
    moment = pl.from_epoch("timestamp", "ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return Frames(
        items, log.select("user_id", "item_id", pl.lit("rating").alias("event"), moment.alias("timestamp"), "value")
    )


def _first_present(folder: Path, *names: str) -> Path:
    for name in names[:-1]:
        if (folder / name).is_file() or (folder / name.removesuffix(".gz")).is_file():
            return official_file(folder, name)
    return official_file(folder, names[-1])


def _objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line's place, for messages, and object."""
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                value = orjson.loads(line)
                if not isinstance(value, dict):
                    raise DataError(f"{path}, line {number}: not a JSON object; is it the official file?")
                yield f"{path}, line {number}", value
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error}); is it the official file?") from error
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read: {error}; fetch it again") from error
