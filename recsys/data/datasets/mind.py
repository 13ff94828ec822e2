"""MIND: impressions and clicks of Microsoft News. Wu et al., ACL 2020."""

from pathlib import Path

import polars as pl

from recsys.data.datasets.source import Frames
from recsys.errors import DataError

_NEWS = ["id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities"]
_BEHAVIORS = ["impression", "user", "time", "history", "shown"]
_TIME = "%m/%d/%Y %I:%M:%S %p"
_HISTORY_WEEKS = 4


def read_mind(folder: Path) -> Frames:
    """Read news.tsv and behaviors.tsv, of the folder itself or of each folder in it (train, dev, test).

    Every item of a list is an impression with its request_id and position; a clicked one is also a click a second
    later, so that the order of the log is the order of what happened. Lists of the test part carry no labels and give
    impressions only. The clicks of the history column have no time, but are older than all lists to learn from (section
    3 of the paper): they are put into the four weeks before, in their order, at even distances.

    Raises:
        DataError: a file is missing or a line is not in the official form.
    """
    parts = [path for path in (folder, *sorted(folder.iterdir())) if (path / "behaviors.tsv").is_file()]
    if not parts:
        raise DataError(f"{folder} holds no behaviors.tsv, nor does a folder in it; unpack the official zip there")
    news = pl.concat([_table(part / "news.tsv", _NEWS) for part in parts]).unique(
        "id", keep="first", maintain_order=True
    )
    lists = pl.concat(
        [_table(part / "behaviors.tsv", _BEHAVIORS).with_columns(pl.lit(part.name).alias("part")) for part in parts]
    )
    moment = pl.col("time").str.strip_chars().str.to_datetime(_TIME, time_unit="us", strict=False)
    lists = lists.with_columns(moment.dt.replace_time_zone("UTC").alias("timestamp"))
    if lists["timestamp"].null_count():
        example = lists.filter(pl.col("timestamp").is_null())["time"][0]
        raise DataError(f"{folder}: behaviors.tsv has the time {example!r}; the official form is 11/15/2019 8:55:22 AM")
    events = pl.concat([_history(lists), *_shown(lists, several=len(parts) > 1)])
    events = events.join(news, left_on="item_id", right_on="id", how="semi", maintain_order="left")
    return Frames(_items(news), events.sort("timestamp", maintain_order=True))


def _items(news: pl.DataFrame) -> pl.DataFrame:
    return news.filter(pl.col("title").is_not_null()).select(
        pl.col("id").alias("item_id"),
        "title",
        pl.col("abstract").alias("description"),
        "category",
        pl.concat_list("subcategory").alias("tags"),
    )


def _shown(lists: pl.DataFrame, several: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    request = pl.concat_str("part", "impression", separator="-") if several else pl.col("impression")
    shown = (
        lists.select(pl.col("user").alias("user_id"), "timestamp", request.alias("request_id"), "shown")
        .drop_nulls("shown")
        .with_columns(pl.col("shown").str.strip_chars().str.split(" "))
        .with_columns(pl.int_ranges(pl.col("shown").list.len()).alias("position"))
        .explode("shown", "position")
        .with_columns(
            pl.col("shown").str.extract(r"^(.*?)(?:-[01])?$").alias("item_id"),
            pl.col("shown").str.ends_with("-1").alias("clicked"),
        )
    )
    later = pl.col("timestamp") + pl.duration(seconds=1)
    impressions = _columns(shown, "impression")
    clicks = _columns(shown.filter("clicked").with_columns(later), "click")
    return impressions, clicks


def _history(lists: pl.DataFrame) -> pl.DataFrame:
    """The history of each user's first list; it does not change within a part of the data.

    Put next to that list instead, the articles of last month would seem to be what everybody reads just now.
    """
    begin, weeks = lists["timestamp"].min(), pl.duration(weeks=_HISTORY_WEEKS)
    first = lists.sort("timestamp", maintain_order=True).unique("user", keep="first", maintain_order=True)
    clicked = (
        first.select(pl.col("user").alias("user_id"), pl.col("history").str.strip_chars().str.split(" "))
        .drop_nulls("history")
        .with_columns(length=pl.col("history").list.len())
        .with_columns(place=pl.int_ranges("length", 0, -1))
        .explode("history", "place")
        .filter(pl.col("history") != "")
        .with_columns(
            (pl.lit(begin) - weeks * (pl.col("place") / (pl.col("length") + 1))).alias("timestamp"),
            pl.col("history").alias("item_id"),
            pl.lit(None, pl.String).alias("request_id"),
            pl.lit(None, pl.Int64).alias("position"),
        )
    )
    return _columns(clicked, "click")


def _columns(frame: pl.DataFrame, event: str) -> pl.DataFrame:
    return frame.select(
        "user_id",
        "item_id",
        pl.lit(event).alias("event"),
        "timestamp",
        "request_id",
        pl.col("position").cast(pl.Int64),
    )


def _table(path: Path, names: list[str]) -> pl.DataFrame:
    """A file without header, separated by tabs, in which quotes mean nothing."""
    if not path.is_file():
        raise DataError(f"{path} is missing; unpack the official zip there")
    try:
        frame = pl.read_csv(path, separator="\t", has_header=False, quote_char=None, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read as the official file: {str(error).splitlines()[0]}") from error
    if frame.width != len(names):
        raise DataError(f"{path} has {frame.width} columns, the official file has {len(names)}: {', '.join(names)}")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))
