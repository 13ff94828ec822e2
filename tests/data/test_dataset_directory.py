"""A dataset directory in every kind of file becomes the same data set."""

import gzip
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import parse_config
from recsys.data.dataset_summary import summarise
from recsys.data.datasets.source import Frames, write_dataset
from recsys.data.events.event import Event
from recsys.data.items.catalogue import plain_text
from recsys.data.loading import append_events, dataset_from_frames, load_dataset, read_dataset
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.repeats import repeat_share
from recsys.moments import DAY
from recsys.policy.filters import Filters

ITEMS = pl.DataFrame(
    {
        "item_id": ["i1", "i2", "i3"],
        "title": ["Lamp", "红色的灯", "مصباح 💡 <b>red</b>"],
        "description": ['A lamp, "bright"', None, "x" * 50_000],
        "tags": [["red", "metal"], None, ["one"]],
        "price": [1.5, None, 20.0],
        "available": [True, False, None],
        "year": [1999, None, 2001],
        "code": ["007", "08", None],
    }
)
EVENTS = pl.DataFrame(
    {
        "user_id": ["u2", "u1", "u2", "u1", "u3"],
        "item_id": ["i1", "i1", "i3", "i2", "i1"],
        "event": ["impression", "click", "rating", "rating", "bookmark"],
        "timestamp": ["2024-01-03", "2024-01-01T10:00:00Z", "2024-01-02", "2024-01-02", "2024-01-02"],
        "request_id": ["r9", None, "r1", None, "r9"],
        "position": [0, None, 3, None, None],
        "propensity": [0.5, None, None, None, None],
        "value": [None, None, 2.0, 5.0, None],
    }
)


def write(folder: Path, name: str, frame: pl.DataFrame, suffix: str) -> None:
    path = folder / f"{name}{suffix}"
    if suffix == ".parquet":
        frame.write_parquet(path)
        return
    if suffix.startswith(".csv"):
        flat = [pl.col(column).list.join("|") for column, dtype in frame.schema.items() if dtype == pl.List]
        text = frame.with_columns(flat).write_csv()
    else:
        text = frame.write_ndjson()
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz"])
def test_every_kind_of_file_gives_the_same_data(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, "items", ITEMS, suffix)
    write(tmp_path, "events", EVENTS, suffix)
    dataset = load_dataset(tmp_path)
    frame, log = dataset.catalogue.frame, dataset.log
    assert dataset.n_rejected == 0
    assert frame["title"].to_list() == ITEMS["title"].to_list()
    assert frame["description"].to_list() == ITEMS["description"].to_list()
    assert frame["tags"].to_list() == ITEMS["tags"].to_list()
    assert frame["year"].to_list() == [1999, None, 2001]
    assert frame["code"].to_list() == ["007", "08", None]
    assert frame["available"].to_list() == [True, False, True]
    assert frame["brand"].to_list() == [None, None, None]
    assert frame.schema["created_at"] == frame.schema["available_until"] == pl.Datetime("us", "UTC")
    assert len(dataset.catalogue.texts) == 3
    assert log.user_vocabulary.ids(range(3)) == ["u1", "u2", "u3"]
    assert log.event_names == ("click", "rating", "bookmark", "impression")
    assert log.items.tolist() == [0, 2, 1, 0, 0]
    assert log.weights.tolist() == [1.0, 0.0, 3.0, 1.0, 0.0]
    assert log.requests.tolist() == [-1, 0, -1, 1, 1]
    assert log.positions.tolist() == [-1, 3, -1, -1, 0]
    np.testing.assert_array_equal(log.propensities, np.array([np.nan, np.nan, np.nan, np.nan, 0.5], np.float32))
    np.testing.assert_array_equal(log.values, np.array([np.nan, 2, 5, np.nan, np.nan], np.float32))
    assert dataset.fingerprint == dataset_from_frames(ITEMS, EVENTS).fingerprint


def test_an_impression_is_no_interest_whatever_the_weights_name() -> None:
    """A table of weights is replaced as a whole; the default weight is not for what was only shown."""
    config = parse_config({"events": {"weights": {"click": 1.0, "purchase": 5.0}}})
    log = dataset_from_frames(ITEMS, EVENTS, config).log
    assert log.weights[log.is_impression].tolist() == [0.0]
    assert log.weights.tolist() == [1.0, 0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Washers <5 mm and >3 mm thick", "Washers <5 mm and >3 mm thick"),
        ("C++ vector&lt;int&gt; book", "C++ vector<int> book"),
        ("I <3 tea &amp; cake", "I <3 tea & cake"),
        ('<p class="a">red<br/>lamp</p><!-- old -->', "red lamp"),
        (
            "<style>p {color: red}</style>red<SCRIPT src='a'>if (a < b) c()</script ><!-- <p>old</p> --> lamp",
            "red lamp",
        ),
        ("red <!-- that does not close <!-- or does --> lamp", "red <!-- that does not close lamp"),
        ("&lt;b&gt;bold&lt;/b&gt;&lt;BR /&gt;&lt;a href='x'&gt;lamp&lt;/a&gt;", "bold lamp"),
    ],
)
def test_tags_are_removed_and_what_only_looks_like_them_is_kept(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize("text", ["<", "<a ", "<br ", "&lt;br ", "<a/", "</", "<!--", "<style>", "<script "])
def test_tags_that_do_not_end_cost_little_time(text: str) -> None:
    start = time.perf_counter()
    plain_text(text * 16_000)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("words", [("true", "false"), ("True", "False"), ("TRUE", "FALSE")])
def test_a_further_column_of_truth_values_is_one_however_it_is_written(words: tuple[str, str]) -> None:
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["x", "y", "z"], "organic": [words[0], words[1], None]})
    catalogue = dataset_from_frames(items, EVENTS.with_columns(item_id=pl.lit("a"))).catalogue
    assert catalogue.frame["organic"].to_list() == [True, False, None]


def test_columns_have_the_types_of_the_log() -> None:
    log = dataset_from_frames(ITEMS, EVENTS).log
    dtypes = {"users": np.int32, "items": np.int32, "events": np.int8, "times": np.int64, "weights": np.float32}
    dtypes |= {"values": np.float32, "requests": np.int32, "positions": np.int16, "propensities": np.float32}
    assert {name: getattr(log, name).dtype for name in dtypes} == {name: np.dtype(t) for name, t in dtypes.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00"),
        ("2024-05-01T12:00:00.250+02:00", "2024-05-01T10:00:00.250"),
        ("2024-05-01 12:00:00-0530", "2024-05-01T17:30:00"),
        ("2024-05-01T12:00+01", "2024-05-01T11:00:00"),
        ("2024-05-01 12:00:00 UTC", "2024-05-01T12:00:00"),
        ("2024-05-01 12:00:00.123456 UTC", "2024-05-01T12:00:00.123456"),
        ("2024-05-01 12:00", "2024-05-01T12:00:00"),
        ("2024-05-01T12+02", "2024-05-01T10:00:00"),
        ("2024-04-30T24:00:00", "2024-05-01T00:00:00"),
        ("20240430T240000.000+02:00", "2024-04-30T22:00:00"),
        (" 2024-05-01 ", "2024-05-01T00:00:00"),
        (" 20240501 ", "2024-05-01T00:00:00"),
        ("20240501.0", "2024-05-01T00:00:00"),
        ("20240501T120000Z", "2024-05-01T12:00:00"),
        ("20240501T1200+0200", "2024-05-01T10:00:00"),
        ("20240501 12:00:00,5", "2024-05-01T12:00:00.500"),
        ("20241301", "1970-08-23T06:35:01"),
        ("1714564800", "2024-05-01T12:00:00"),
        ("1714564800123", "2024-05-01T12:00:00.123"),
        ("1714564800.5", "2024-05-01T12:00:00.500"),
    ],
)
def test_timestamps_in_every_spelling_are_utc(text: str, expected: str) -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["i1"], "event": ["click"], "timestamp": [text]})
    time = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert dataset_from_frames(ITEMS, events).log.times[0] == round(time.timestamp() * 1e6)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([1_714_564_800]),
        pl.Series([1_714_564_800_000]),
        pl.Series([1_714_564_800.0]),
        pl.Series([datetime(2024, 5, 1, 12)], dtype=pl.Datetime("ns")),
        pl.Series([datetime(2024, 5, 1, 12, tzinfo=UTC)]),
        pl.Series([datetime(2024, 5, 1, 12, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series([datetime(2024, 5, 1, 12, tzinfo=UTC)]).dt.convert_time_zone("+05:30"),
    ],
)
def test_timestamps_of_every_type_are_utc(series: pl.Series, tmp_path: Path) -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["i1"], "event": ["click"], "timestamp": series})
    assert dataset_from_frames(ITEMS, events).log.times.tolist() == [1_714_564_800_000_000]
    write(tmp_path, "items", ITEMS, ".parquet")
    write(tmp_path, "events", events, ".parquet")
    assert load_dataset(tmp_path).log.times.tolist() == [1_714_564_800_000_000]


def times_of(values: pl.Series) -> tuple[list[str], int]:
    """The days that a column of times is read as, and how many of its cells are bad."""
    event = pl.DataFrame({"user_id": "u", "item_id": "i1", "event": "click"})
    events = event.join(values.to_frame("timestamp"), how="cross")
    dataset = dataset_from_frames(ITEMS, events, parse_config({"data": {"max_rejected": 1.0}}))
    return [str(np.datetime64(int(time), "us").astype("M8[D]")) for time in dataset.log.times], dataset.n_rejected


@pytest.mark.parametrize("dtype", [pl.Int32, pl.Int64, pl.Float64, pl.String])
def test_a_column_of_eight_digits_is_one_of_dates(dtype: type[pl.DataType]) -> None:
    days = pl.Series([20231101, 20240229, None, 20231231]).cast(dtype)
    assert times_of(days) == (["2023-11-01", "2023-12-31", "2024-02-29"], 1)


def test_a_date_with_a_digit_too_few_is_no_second() -> None:
    assert times_of(pl.Series(["20231101", "2023112", "2023-11-03", "20231104"])) == (
        ["2023-11-01", "2023-11-03", "2023-11-04"],
        1,
    )


@pytest.mark.parametrize("year", ["2024", " 1999 ", "2024.0"])
def test_a_year_alone_is_no_time(year: str) -> None:
    assert times_of(pl.Series([year, "2024-05-01"])) == (["2024-05-01"], 1)
    assert times_of(pl.Series([year, "1714564800", "1899", "2101"]))[1] == 1, "seconds are not years"


@pytest.mark.parametrize(
    "created",
    [
        pl.Series([999_999_999_999_999, 0]),
        pl.Series([253_402_300_800_000.0, 0.0]),
        pl.Series(["9999-12-31T23:30:00-01:00", "1970-01-01"]),
        pl.Series(["0001-01-01T00:30:00+01:00", "1970-01-01"]),
        pl.Series([253_402_300_800_000, 0]).cast(pl.Datetime("ms")),
        pl.Series([3_000_000, 0], dtype=pl.Int32).cast(pl.Date),
        *(
            pl.Series([number, 0]).cast(pl.Datetime(unit))
            for number in (2**63 - 1, -(2**63) + 1)
            for unit in ("us", "ms")
        ),
        pl.Series([2**61, 0]).cast(pl.Datetime("ms")),
        pl.Series([2**31 - 1, 0], dtype=pl.Int32).cast(pl.Date),
    ],
)
def test_what_lies_outside_the_years_1_to_9999_is_no_time(created: pl.Series) -> None:
    items = pl.DataFrame({"item_id": ["i9", "i1"], "title": ["Lamp", "Cup"], "created_at": created})
    dataset = dataset_from_frames(
        items, EVENTS.with_columns(item_id=pl.lit("i1")), parse_config({"data": {"max_rejected": 1.0}})
    )
    assert dataset.n_rejected == 1
    assert dataset.catalogue.frame["created_at"].to_list() == [datetime(1970, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59.999999"])
def test_the_first_and_the_last_moment_are_times_in_files_and_in_filters(text: str) -> None:
    items = pl.DataFrame({"item_id": ["i1"], "title": ["Cup"], "created_at": [text]})
    catalogue = dataset_from_frames(items, EVENTS.with_columns(item_id=pl.lit("i1"))).catalogue
    assert catalogue.frame["created_at"].to_list() == [datetime.fromisoformat(text).replace(tzinfo=UTC)]
    allowed = np.ones(1, dtype=bool)
    Filters({"created_at": text}).narrow(allowed, catalogue)
    assert allowed.tolist() == [True]


def test_a_second_that_could_be_a_date_is_one_among_seconds() -> None:
    assert times_of(pl.Series([20_000_000, 20_231_101, 20_500_000])) == (["1970-08-20", "1970-08-23", "1970-08-26"], 0)


def test_a_date_in_digits_far_below_written_out_ones_is_read(tmp_path: Path) -> None:
    assert times_of(pl.Series(["2023-11-01"] * 1_500 + ["20231102"]))[0][-1] == "2023-11-02"


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String])
def test_a_column_is_what_most_of_it_is_not_what_it_begins_with(dtype: type[pl.DataType]) -> None:
    seconds, days = [1_714_564_800] * 1_000, [20240115] * 9_000
    assert times_of(pl.Series([*seconds, *days]).cast(dtype)) == (["2024-01-15"] * 9_000, 1_000)


def test_numeric_ids_are_text() -> None:
    items = pl.DataFrame({"item_id": [1, 2], "title": ["a", "b"]})
    events = pl.DataFrame({"user_id": [7.0], "item_id": [2], "event": ["click"], "timestamp": [0]})
    dataset = dataset_from_frames(items, events)
    assert dataset.log.user_vocabulary.id(0) == "7"
    assert dataset.catalogue.vocabulary.id(int(dataset.log.items[0])) == "2"


def test_equal_times_keep_the_order_of_the_file() -> None:
    n = 500
    events = pl.DataFrame({"user_id": [f"u{row}" for row in range(n)]}).with_columns(
        pl.lit("i1").alias("item_id"), pl.lit("click").alias("event"), pl.lit(5).alias("timestamp")
    )
    log = dataset_from_frames(ITEMS, events).log
    assert log.users.tolist() == list(range(n))
    assert log.user_vocabulary.id(77) == "u77"


def test_a_repeated_event_id_counts_once(tmp_path: Path) -> None:
    events = pl.concat([EVENTS, EVENTS.head(2)]).with_columns(
        pl.Series("event_id", ["a", None, "b", None, "", "a", None])
    )
    write_dataset(tmp_path, Frames(ITEMS, events))
    dataset, report = read_dataset(tmp_path, parse_config({}))
    assert len(dataset.log) == 6
    assert report.n_duplicates == 1
    assert report.n_rejected == 0


def test_a_repeated_event_id_counts_once_also_where_the_first_row_is_rejected() -> None:
    events = EVENTS.head(2).with_columns(event_id=pl.lit("a"), item_id=pl.Series(["nowhere", "i1"]))
    assert len(dataset_from_frames(ITEMS, events, parse_config({"data": {"max_rejected": 1}})).log) == 1


def test_unknown_items_can_be_added() -> None:
    events = EVENTS.with_columns(pl.Series("item_id", ["new", "i1", "i3", "newer", "new"]))
    dataset = dataset_from_frames(ITEMS, events, parse_config({"data": {"unknown_items": "add"}}))
    assert dataset.catalogue.vocabulary.ids(range(5)) == ["i1", "i2", "i3", "new", "newer"]
    assert dataset.catalogue.texts[3] == ""
    assert dataset.catalogue.available[3]
    assert dataset.log.n_items == 5


def test_a_lazy_frame_is_taken_and_other_content_has_another_fingerprint() -> None:
    one = dataset_from_frames(ITEMS, EVENTS.lazy())
    other = dataset_from_frames(ITEMS, EVENTS.with_columns(pl.lit(1.0).alias("value")))
    assert one.fingerprint == dataset_from_frames(ITEMS, EVENTS).fingerprint
    assert one.fingerprint != other.fingerprint


def test_appended_events_are_sorted_in_and_extend_the_users() -> None:
    dataset = dataset_from_frames(ITEMS, EVENTS)
    start = int(dataset.log.times[0])
    events = [
        Event("e1", "u9", "i2", "click", start + 10 * DAY, request_id="r1", position=1),
        Event("e2", "u1", "i1", "purchase", start - DAY, value=3.5),
        Event("e1", "u9", "i2", "click", start + 10 * DAY),
        Event("e3", "u1", "nowhere", "click", start),
        Event("e4", "u1", "i1", "click", start, value=-1e39),
        Event("e5", "u1", "i1", "click", start, propensity=1e-46),
    ]
    grown = append_events(dataset, events)
    assert len(grown.log) == 7
    assert grown.n_rejected == 3
    assert grown.log.user_vocabulary.ids(range(4)) == ["u1", "u2", "u3", "u9"]
    assert grown.log.event_names[:4] == dataset.log.event_names
    assert grown.log.event_names[grown.log.events[0]] == "purchase"
    assert grown.log.values[0] == np.float32(3.5)
    assert grown.log.requests[-1] in dataset.log.requests, "r1 is there already"
    assert grown.log.positions[-1] == 1
    assert grown.fingerprint != dataset.fingerprint
    assert append_events(dataset, []) is dataset


def test_a_request_in_the_old_log_and_in_new_events_is_one(tmp_path: Path) -> None:
    dataset = dataset_from_frames(ITEMS, EVENTS)
    start = int(dataset.log.times[-1]) + DAY
    shown = [Event(f"s{n}", "u1", "i1", "impression", start + n, request_id=f"list {n}", position=0) for n in range(3)]
    first = append_events(dataset, [*shown, Event("c0", "u1", "i2", "click", start + 9)])
    first.log.save(tmp_path / "log")
    kept = replace(first, log=InteractionLog.load(tmp_path / "log", len(ITEMS)))
    later = [
        Event("c1", "u1", "i1", "click", start + DAY, request_id="list 1"),
        Event("c2", "u1", "i1", "click", start + DAY + 1, request_id="list 7"),
        Event("c3", "u1", "i1", "click", start + DAY + 2),
        Event("c4", "u1", "i2", "click", start + DAY + 3, request_id="list 7"),
    ]
    log = append_events(kept, later).log
    *_, one, seven, none, again = log.requests.tolist()
    assert one == first.log.requests[-3], "the one in the middle of the three"
    assert seven == again == first.log.requests.max() + 1
    assert none == -1
    assert len(log.request_keys) == log.requests.max() + 1


def test_appended_events_all_unknown_leave_the_log_as_it_is() -> None:
    dataset = dataset_from_frames(ITEMS, EVENTS)
    grown = append_events(dataset, [Event("e", "u", "nowhere", "click", 0)])
    assert len(grown.log) == len(dataset.log)
    assert grown.n_rejected == 1


def test_a_summary_counts_events_repeats_and_described_items(tmp_path: Path) -> None:
    again = EVENTS.row(1, named=True) | {"timestamp": "2024-01-05"}
    write_dataset(tmp_path, Frames(ITEMS, pl.concat([EVENTS, pl.DataFrame([again], schema=EVENTS.schema)])))
    dataset, report = read_dataset(tmp_path, parse_config({}))
    summary = summarise(dataset, report)
    assert summary.events == {"click": 2, "rating": 2, "bookmark": 1, "impression": 1}
    assert summary.wanted == 4, "one rating is too low"
    assert (summary.first, summary.last) == ("2024-01-01T10:00:00Z", "2024-01-05T00:00:00Z")
    assert summary.described == pytest.approx(2 / 3)
    assert summary.repeated == pytest.approx(1 / 6), "a click of 1 among two clicks, a bookmark and a rating of 3"
    assert repeat_share(dataset.log.before(0)) == 0.0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip),
            st.sampled_from(["i1", "i2", "i3"]),
            st.sampled_from(["click", "purchase", "自定义"]),
            st.integers(0, 9_999_999) | st.integers(100_000_000, 1_700_000_000),  # eight digits may be a day, 20240501
            st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_log_keeps_its_rows(rows: list[tuple[str, str, str, int, float | None]]) -> None:
    ids = dict.fromkeys(["user_id", "item_id", "event"], pl.String)
    frame = pl.DataFrame(rows, schema={**ids, "timestamp": pl.Int64, "value": pl.Float64}, orient="row")
    log = dataset_from_frames(ITEMS, frame).log
    ordered = sorted(rows, key=lambda row: row[3])
    assert log.user_vocabulary.ids(log.users) == [row[0] for row in ordered]
    assert [log.event_names[event] for event in log.events] == [row[2] for row in ordered]
    assert (log.times // 1_000_000).tolist() == [row[3] for row in ordered]
    assert np.isnan(log.values).tolist() == [row[4] is None for row in ordered]
    assert log.n_users == len({row[0] for row in rows})
