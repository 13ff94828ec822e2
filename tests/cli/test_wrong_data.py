"""Wrong input files: a message that says what, where and what to do; exit code 3; nothing written; no trace."""

import json
from pathlib import Path

import polars as pl
import pytest
from shop import Outcome, Run


@pytest.fixture
def refused(run: Run, shop: Path, tmp_path: Path):
    """`refused(words)`: training on the damaged shop stops with exit code 3 and a message with these words."""

    def check(*words: str) -> Outcome:
        outcome = run("train", shop, "--registry", tmp_path / "registry")
        assert outcome.code == 3, outcome.err
        message = outcome.err.splitlines()[-1]
        assert message.startswith("recsys: error: ")
        for word in words:
            assert word in message
        assert "Traceback" not in outcome.err
        assert outcome.out == ""
        assert not (tmp_path / "registry").exists()
        return outcome

    return check


def change(path: Path, rows: int = 3, **columns: pl.Expr) -> None:
    """Write a CSV file again with some columns of its first rows changed."""
    frame = pl.read_csv(path, infer_schema=False).with_row_index("row")
    first = pl.col("row") < rows
    changed = [pl.when(first).then(value).otherwise(pl.col(name)).alias(name) for name, value in columns.items()]
    frame.with_columns(changed).drop("row").write_csv(path)


def test_a_folder_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    outcome = run("train", tmp_path / "nowhere", "--registry", tmp_path / "registry")
    assert outcome.code == 3
    assert "nowhere does not exist" in outcome.err


def test_a_folder_without_events_is_refused(shop: Path, refused) -> None:
    (shop / "events.csv").unlink()
    refused("has no events file", "items.csv")


@pytest.mark.parametrize(("table", "column"), [("items", "title"), ("events", "timestamp"), ("events", "user_id")])
def test_a_missing_column_is_named_with_the_one_to_rename(shop: Path, refused, table: str, column: str) -> None:
    path = shop / f"{table}.csv"
    pl.read_csv(path).rename({column: f"{column}s"}).write_csv(path)
    refused(f"{table}.csv has no column {column!r}", f"rename '{column}s' to it")


def test_an_empty_file_is_named(shop: Path, refused) -> None:
    (shop / "items.csv").write_text("")
    refused("items.csv is empty")


def test_a_log_of_nothing_but_a_header_is_refused(shop: Path, refused) -> None:
    (shop / "events.csv").write_text("user_id,item_id,event,timestamp\n")
    refused("events.csv")


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("last Tuesday", "not ISO 8601"),
        ("", "missing"),
        ("1969-12-31T23:59:59Z", "before 1970"),
        ("2999-01-01T00:00:00Z", "in the future, for the clock of this machine says 20"),
    ],
)
def test_times_that_cannot_be_are_refused_with_the_reason(shop: Path, refused, time: str, reason: str) -> None:
    change(shop / "events.csv", rows=20, timestamp=pl.lit(time))
    refused("events.csv", reason, "line 2", "column timestamp", "data.max_rejected")


def test_a_price_that_is_not_a_number_is_refused(shop: Path, refused) -> None:
    change(shop / "items.csv", price=pl.lit("NaN"))
    refused("items.csv", "3 of 64 rows rejected", "NaN", "column price")


def test_an_item_that_is_there_twice_is_named(shop: Path, refused) -> None:
    change(shop / "items.csv", item_id=pl.lit("g0"))
    refused("items.csv", "g0", "column item_id")


def test_a_log_of_unknown_items_is_refused(shop: Path, refused) -> None:
    change(shop / "items.csv", item_id=pl.col("item_id") + "-renamed")
    refused("events.csv", "column item_id", "unknown_items")


def test_bad_rows_below_the_limit_are_set_aside(run: Run, shop: Path, tmp_path: Path) -> None:
    """`data check` reports what training would set aside."""
    change(shop / "events.csv", timestamp=pl.lit("soon"))
    outcome = run("data", "check", shop)
    assert outcome.code == 0
    assert "3" in outcome.out + outcome.err


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("text.epoch=2", ("text.epoch", "text.epochs")),
        ("text.epochs=many", ("text.epochs", "many")),
        ("text.epochs", ("section.key=value",)),
        ("data.max_rejected=2", ("data.max_rejected", "1")),
    ],
)
def test_a_wrong_setting_is_named_and_ends_with_code_2(
    run: Run, shop: Path, tmp_path: Path, setting: str, words: tuple[str, ...]
) -> None:
    outcome = run("train", shop, "--registry", tmp_path / "registry", "--set", setting)
    assert outcome.code == 2
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err


def test_a_wrong_key_in_a_config_file_is_reported_with_the_nearest_one(run: Run, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("[ranker]\ntress = 10\n")
    outcome = run("train", shop, "--registry", tmp_path / "registry", "--config", tmp_path / "recsys.toml")
    assert outcome.code == 2
    assert "'ranker.tress'" in outcome.err
    assert "'ranker.trees'" in outcome.err


def test_a_config_file_that_is_not_there_is_named(run: Run, shop: Path, tmp_path: Path) -> None:
    outcome = run("train", shop, "--registry", tmp_path / "registry", "--config", tmp_path / "none.toml")
    assert outcome.code == 2
    assert "none.toml does not exist" in outcome.err


@pytest.mark.parametrize("until", ["yesterday", "2024-13-01"])
def test_an_until_that_is_no_time_is_reported(run: Run, shop: Path, tmp_path: Path, until: str) -> None:
    outcome = run("train", shop, "--registry", tmp_path / "registry", "--until", until)
    assert outcome.code == 2
    assert f"--until {until!r}" in outcome.err


def test_until_a_time_before_all_events_is_refused(run: Run, shop: Path, tmp_path: Path) -> None:
    outcome = run("train", shop, "--registry", tmp_path / "registry", "--until", "2001-01-01")
    assert outcome.code == 3
    assert "no event is before it" in outcome.err


def test_a_table_without_a_usable_row_still_says_what_is_wrong_with_each(run: Run, shop: Path) -> None:
    (shop / "events.csv").write_text("user_id,item_id,event,timestamp\n,i1,click,2024-01-01\nu1,i1,click,soon\n")
    outcome = run("data", "check", shop)
    assert outcome.code == 3
    assert "no usable event" in outcome.err
    reasons = [json.loads(line)["reason"] for line in (shop / "rejected.jsonl").read_text().splitlines()]
    assert len(reasons) == 2
