"""UCI Online Retail: a year of invoices of a shop for gifts. Chen, Sain and Guo, 2012; CC BY 4.0."""

from pathlib import Path

import polars as pl

from recsys.data.datasets.source import Frames, official_file, read_official_csv
from recsys.errors import DataError

NOT_PRODUCTS = ("POST", "DOT", "M", "D", "C2", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS")
"""Stock codes of postage, corrections, samples and fees."""

_COLUMNS = {
    "InvoiceNo": pl.String(),
    "StockCode": pl.String(),
    "Description": pl.String(),
    "Quantity": pl.Int64(),
    "InvoiceDate": pl.String(),
    "UnitPrice": pl.Float64(),
    "CustomerID": pl.String(),
}
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")
"""In this order: `%Y` takes two digits for the year 10, `%y` does not take four."""


def read_online_retail(folder: Path) -> Frames:
    """Read online_retail.csv (or .csv.gz) in its official columns.

    Left out: cancellations (InvoiceNo `C...`), lines without a customer, non-products (postage, fees, gift vouchers)
    and lines whose quantity or price is not above 0. The title is the most frequent spelling of a StockCode, the value
    quantity times unit price, the request the invoice. The price is that of the first sale: later ones are not known
    by then.

    Raises:
        DataError: the file is missing or has not the official columns.
    """
    path = official_file(folder, "online_retail.csv")
    lines = read_official_csv(path, _COLUMNS)
    moments = [pl.col("InvoiceDate").str.to_datetime(form, time_unit="us", strict=False) for form in _DATES]
    lines = lines.with_columns(pl.coalesce(moments).dt.replace_time_zone("UTC").alias("moment"))
    if lines["moment"].null_count():
        example = lines.filter(pl.col("moment").is_null())["InvoiceDate"][0]
        raise DataError(f"{path}: InvoiceDate {example!r} is not a date such as 2010-12-01 08:26:00 or 12/1/2010 8:26")
    sales = customer_sales(lines).filter(is_product(), pl.col("Quantity") > 0, pl.col("UnitPrice") > 0)
    sales = sales.sort("moment", maintain_order=True)
    return Frames(_items(sales), _events(sales))


def customer_sales(lines: pl.DataFrame) -> pl.DataFrame:
    """Invoice lines that are no cancellation and name a customer."""
    return lines.filter(
        ~pl.col("InvoiceNo").str.to_uppercase().str.starts_with("C"), pl.col("CustomerID").is_not_null()
    )


def is_product() -> pl.Expr:
    """True where the StockCode is a thing that can be bought."""
    code = pl.col("StockCode").str.strip_chars().str.to_uppercase()
    return ~code.is_in(NOT_PRODUCTS) & ~code.str.starts_with("GIFT_")


def _items(sales: pl.DataFrame) -> pl.DataFrame:
    title = pl.col("Description").str.strip_chars().str.replace_all(r"\s+", " ").replace("", None)
    spellings = sales.select("StockCode", title.alias("title")).drop_nulls()
    counted = spellings.group_by("StockCode", "title", maintain_order=True).len()
    titles = counted.sort("len", descending=True, maintain_order=True).unique("StockCode", keep="first")
    first = sales.group_by("StockCode", maintain_order=True).agg(pl.col("UnitPrice").first().alias("price"))
    named = first.join(titles, on="StockCode", how="left", maintain_order="left")
    return named.select(
        pl.col("StockCode").alias("item_id"), pl.col("title").fill_null(pl.col("StockCode")), pl.col("price")
    )


def _events(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.select(
        # Spreadsheet exports write 17850.0 for the customer 17850.
        pl.col("CustomerID").str.strip_suffix(".0").alias("user_id"),
        pl.col("StockCode").alias("item_id"),
        pl.lit("purchase").alias("event"),
        pl.col("moment").alias("timestamp"),
        pl.col("InvoiceNo").alias("request_id"),
        (pl.col("Quantity") * pl.col("UnitPrice")).round(2).alias("value"),
    )
