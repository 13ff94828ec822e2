"""GroupLens MovieLens: ratings of films.

Harper and Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015.
"""

from pathlib import Path

import polars as pl

from recsys.data.datasets.source import Frames, official_file, read_official_csv
from recsys.errors import DataError

GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""The 19 flags at the end of a line of u.item, from u.genre."""


def read_movielens_small(folder: Path) -> Frames:
    """Read ratings.csv and movies.csv of latest-small; overviews.csv, if it is there, gives descriptions.

    The year in the title becomes `created_at`, its first day: known before anyone could rate the film.

    Raises:
        DataError: a file is missing or is not the official one.
    """
    movies = read_official_csv(
        official_file(folder, "movies.csv"),
        {"movieId": pl.String(), "title": pl.String(), "genres": pl.String()},
    )
    ratings = read_official_csv(
        official_file(folder, "ratings.csv"),
        {"userId": pl.String(), "movieId": pl.String(), "rating": pl.Float64(), "timestamp": pl.Int64()},
    )
    genres = pl.col("genres").replace("(no genres listed)", None).str.split("|")
    items = movies.select(
        pl.col("movieId").alias("item_id"),
        pl.col("title").str.strip_chars(),
        genres.alias("tags"),
        _year(pl.col("title").str.extract(r"\((\d{4})\)\s*$")),
    )
    if (folder / "overviews.csv").is_file():
        overviews = read_official_csv(folder / "overviews.csv", {"movieId": pl.String(), "overview": pl.String()})
        described = overviews.rename({"movieId": "item_id", "overview": "description"}).unique("item_id", keep="first")
        items = items.join(described, on="item_id", how="left", maintain_order="left")
    return Frames(items, _ratings(ratings, "userId", "movieId"))


def read_movielens_100k(folder: Path) -> Frames:
    """Read u.data and u.item (Latin-1, 19 genre flags) of ml-100k.

    Raises:
        DataError: a file is missing or is not the official one.
    """
    data, item = official_file(folder, "u.data"), official_file(folder, "u.item")
    rows = [line.split("|") for line in item.read_text(encoding="latin-1").splitlines() if line.strip()]
    wrong = next((number for number, row in enumerate(rows, start=1) if len(row) != 5 + len(GENRES_100K)), None)
    if wrong is not None:
        raise DataError(f"{item}, line {wrong}: {len(rows[wrong - 1])} cells where the official u.item has 24")
    items = pl.DataFrame(
        {
            "item_id": [row[0] for row in rows],
            "title": [row[1].strip() for row in rows],
            "tags": [_flagged(row[5:]) for row in rows],
            "released": [row[2] for row in rows],
        },
        schema_overrides={"tags": pl.List(pl.String)},
    )
    names = ["user", "item", "rating", "timestamp"]
    try:
        ratings = pl.read_csv(data, separator="\t", has_header=False, new_columns=names, infer_schema=False)
        ratings = ratings.with_columns(pl.col("rating").cast(pl.Float64), pl.col("timestamp").cast(pl.Int64))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{data} is not the official u.data: {str(error).splitlines()[0]}") from error
    items = items.with_columns(_year(pl.col("released").str.extract(r"(\d{4})$"))).drop("released")
    return Frames(items, _ratings(ratings, "user", "item"))


def _flagged(flags: list[str]) -> list[str]:
    return [genre for genre, flag in zip(GENRES_100K, flags, strict=True) if flag == "1" and genre != "unknown"]


def _year(digits: pl.Expr) -> pl.Expr:
    return pl.datetime(digits.cast(pl.Int32), 1, 1, time_unit="us", time_zone="UTC").alias("created_at")


def _ratings(frame: pl.DataFrame, user: str, item: str) -> pl.DataFrame:
    ordered = frame.sort("timestamp", maintain_order=True)
    return ordered.select(
        pl.col(user).alias("user_id"),
        pl.col(item).alias("item_id"),
        pl.lit("rating").alias("event"),
        pl.from_epoch("timestamp", "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
        pl.col("rating").alias("value"),
    )
