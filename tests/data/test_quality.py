"""What can be read, but may be a mistake, gives a warning."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from written_files import ANY, GOOD, HEADER, ITEMS, folder_of

from recsys.config import load_config
from recsys.data.loading import load_dataset, read_dataset


def test_events_whose_name_differs_in_letter_case_only_give_a_warning(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + GOOD.replace("click", "Click"))
    _, report = read_dataset(folder, ANY)
    assert any("the event 'Click' is not the same as 'click'" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("names", "warned"),
    [
        (["click", "transaction"], "'transaction'"),
        ([f"kind {number}" for number in range(7)], "'kind 0', 'kind 1', 'kind 2', 'kind 3', 'kind 4', ..."),
    ],
)
def test_events_that_no_weight_is_named_for_give_a_warning(tmp_path: Path, names: list[str], warned: str) -> None:
    events = HEADER + "".join(GOOD.replace("click", name) for name in names)
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    worth = (
        "each is worth events.default_weight = 1, so it counts as positive; give 0 to what is not, such as "
        "a complaint, and more to what is worth more, such as an order"
    )
    warning = f"events.weights does not name {warned}: {worth}"
    assert report.warnings == (f"{tmp_path / 'events.csv'}: {warning}",)


@pytest.mark.parametrize(
    ("languages", "encoder", "warned"),
    [
        (["de", "de-AT", "en"], "", "2 of 3 rows, such as 'de'"),
        (["entlebuch"], "", "1 of 1 row, such as 'entlebuch'"),
        (["de", "en", ""], "", None),
        (["en-US", "EN_gb", "English (UK)", "eng"], "", None),
        (["de", "fr"], "multilingual", None),
    ],
)
def test_texts_in_a_language_that_the_encoder_does_not_read_give_a_warning(
    tmp_path: Path, languages: list[str], encoder: str, warned: str | None
) -> None:
    items = "item_id,title,language\n" + "".join(f"i{n},Lampe,{code}\n" for n, code in enumerate(languages, start=1))
    settings = [f"text.encoder={encoder}"] if encoder else []
    folder = folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD)
    _, report = read_dataset(folder, load_config(None, settings))
    found = [warning for warning in report.warnings if "language" in warning]
    assert len(found) == (warned is not None)
    if warned is not None:
        assert f"language is not English in {warned}, and text.encoder = 'all-MiniLM-L6-v2' reads" in found[0]


@pytest.mark.parametrize(("views", "purchases", "warned"), [(40, 1, True), (10, 1, False), (40, 0, False)])
def test_views_beside_which_purchases_hardly_count_give_a_warning(
    tmp_path: Path, views: int, purchases: int, warned: bool
) -> None:
    rows = [
        f"u{user},i1,{event},2024-01-{1 + day:02}T{hour:02}:00:00,,,,"
        for user in range(100)
        for event, times in (("view", views), ("purchase", purchases))
        for day, hour in (divmod(number, 24) for number in range(times))
    ]
    events = HEADER + "\n".join(rows) + "\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    found = [warning for warning in report.warnings if "lists will follow" in warning]
    assert len(found) == warned
    for warning in found:
        assert "91% of what counts as interest are events 'view', 9% are 'purchase'" in warning
        [setting] = re.findall("--set '(.*)'", warning)
        assert load_config(None, [setting]).events.weights == {"impression": 0.0, "view": 0.0, "purchase": 4.0}


@pytest.mark.parametrize(("most", "warned"), [(5, False), (10, True)])
def test_ratings_of_another_scale_give_a_warning(tmp_path: Path, most: int, warned: bool) -> None:
    events = HEADER + "".join(f"u1,i1,rating,2024-01-01,,,,{value}\n" for value in ("", 1, most))
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    assert [f"'rating' go up to {most}, and" in warning for warning in report.warnings] == [True] * warned


@pytest.mark.parametrize(
    ("rows", "warned"),
    [
        (
            "u1,i1,purchase,2024-01-01,,,,-9.5\nu1,i1,purchase,2024-01-02,,,,9.5\n",
            "1 event 'purchase' has a value below",
        ),
        ("u1,i1,rating,2024-01-01,,,,3\nu1,i1,click,2024-01-02,,,,\n", "values of 'rating' go up to 3, and none"),
        ("u1,i1,rating,2024-01-01,,,,-3\nu1,i1,rating,2024-01-02,,,,5\n", None),
    ],
)
def test_values_that_may_be_meant_otherwise_give_a_warning(tmp_path: Path, rows: str, warned: str | None) -> None:
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + rows), ANY)
    assert len(report.warnings) == (warned is not None)
    assert all(str(warned) in warning for warning in report.warnings)


@pytest.mark.parametrize(("time", "warned"), [("19700", True), ("45292.5", True), ("1704067200", False), ("", False)])
def test_days_that_are_read_as_seconds_give_a_warning(tmp_path: Path, time: str, warned: bool) -> None:
    events = HEADER + (f"u1,i1,click,{time},,,,\n" if time else "u1,i1,click,19700,,,,\nu1,i1,click,2024-01-01,,,,\n")
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    assert any("all times lie in 1970" in warning for warning in report.warnings) == warned


@pytest.mark.parametrize(("last", "warned"), [("2026-03-01", True), ("2024-05-01", False)])
def test_an_event_that_comes_long_after_all_others_gives_a_warning(tmp_path: Path, last: str, warned: bool) -> None:
    days = "".join(f"u{day},i1,click,2024-0{1 + day % 4}-01,,,,\n" for day in range(40))
    events = f"{HEADER}{days}u1,i1,click,{last},,,,\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    wanted = "1 event comes 699 days after all others, on 2026-03-01; if its time is wrong"
    assert any(wanted in warning for warning in report.warnings) == warned
    assert warned or not report.warnings


@pytest.mark.parametrize(("value", "warned"), [("0", True), ("1", False), ("", False)])
def test_zeros_that_may_stand_for_no_rating_give_a_warning(tmp_path: Path, value: str, warned: bool) -> None:
    events = HEADER + "".join(f"u1,i1,rating,2024-01-0{day},,,,{value}\n" for day in range(1, 8))
    events += "u1,i2,rating,2024-01-08,,,,5\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    assert ["7 of 8 values of 'rating' are 0" in warning for warning in report.warnings] == [True] * warned


_ONE_AFTER_ANOTHER = [f"u{row // 5},i1,click,{{time}}" for row in range(40)]


@pytest.mark.parametrize(
    ("rows", "times", "warned"),
    [
        (_ONE_AFTER_ANOTHER, range(40), "users come one after another"),
        (_ONE_AFTER_ANOTHER, [row + 60 * (row // 5) for row in range(40)], None),  # visits, with pauses
        (_ONE_AFTER_ANOTHER[::5] * 5, range(40), None),
        (_ONE_AFTER_ANOTHER[::5], range(8), None),  # too few to judge by
        (_ONE_AFTER_ANOTHER, [0] * 40, "all events have one time"),
        (_ONE_AFTER_ANOTHER[:5], range(5), None),
    ],
)
def test_times_that_are_made_up_give_a_warning(
    tmp_path: Path, rows: list[str], times: Sequence[int], warned: str | None
) -> None:
    lines = [row.format(time=1_700_000_000 + 60 * time) for row, time in zip(rows, times, strict=True)]
    events = HEADER + "".join(f"{line},e{number},,,\n" for number, line in enumerate(lines))
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    assert len(report.warnings) == (warned is not None)
    assert all(str(warned) in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("events", "warned"),
    [
        (GOOD * 2, "1 of 2 events are the same"),
        (GOOD + GOOD.replace("u1", "u2"), None),
        ("".join(GOOD.replace("u1", f"u{number}") for number in range(30)) + GOOD.replace("u1", "u7"), None),
        (GOOD.replace("01-01,", "01-01,e1") + GOOD.replace("01-01,", "01-01,e2"), None),
    ],
)
def test_a_log_that_is_in_the_file_twice_gives_a_warning(tmp_path: Path, events: str, warned: str | None) -> None:
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + events), ANY)
    assert len(report.warnings) == (warned is not None)
    assert all(str(warned) in warning for warning in report.warnings)


@pytest.mark.parametrize(("n_events", "warned"), [(100, True), (60, False)])
def test_one_user_who_may_be_many_gives_a_warning(tmp_path: Path, n_events: int, warned: bool) -> None:
    events = [GOOD.replace("u1", f"u{number}") for number in range(100)]
    events += [GOOD.replace("u1", "guest").replace("2024", str(2000 + day % 25)) for day in range(n_events)]
    events += [GOOD.replace("u1", f"u{number}").replace("2024", "2023") for number in range(100)] * 5
    events = [row.replace("01-01,", f"01-01,e{number}") for number, row in enumerate(events)]
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=HEADER + "".join(events)), ANY)
    assert ["100 of 700 events are of the user 'guest'" in warning for warning in report.warnings] == [True] * warned


@pytest.mark.parametrize(
    ("category", "warned"), [('["a", "b"]', True), ("Comedy|Drama", True), ("lamps", False), ("lamps [new]", False)]
)
def test_lists_in_a_column_of_text_give_a_warning(tmp_path: Path, category: str, warned: bool) -> None:
    items = "".join(
        json.dumps({"item_id": item, "title": item, "category": category}) + "\n" for item in ("i1", "i2", "i3")
    )
    _, report = read_dataset(folder_of(tmp_path, items__jsonl=items, events__csv=HEADER + GOOD), ANY)
    assert [
        f"category looks like a list in 3 rows, such as {category!r}" in warning for warning in report.warnings
    ] == [True] * warned


@pytest.mark.parametrize(("price", "warned"), [("-1", True), ("0", False), ("", False)])
def test_prices_below_zero_give_a_warning(tmp_path: Path, price: str, warned: bool) -> None:
    items = f"item_id,title,price\ni1,Lamp,5\ni2,Chair,{price}\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD), ANY)
    assert ["1 item has a price below 0, such as 'i2' with -1" in warning for warning in report.warnings] == [
        True
    ] * warned


@pytest.mark.parametrize(("until", "warned"), [("2024-01-01", True), ("2024-01-03", False), ("", False)])
def test_items_that_are_gone_before_they_come_give_a_warning(tmp_path: Path, until: str, warned: bool) -> None:
    items = f"item_id,title,created_at,available_until\ni1,Lamp,,\ni2,Chair,2024-01-02,{until}\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=HEADER + GOOD), ANY)
    assert ["1 item is available until a moment before created_at" in warning for warning in report.warnings] == [
        True
    ] * warned


@pytest.mark.parametrize(("positions", "warned"), [((1, 2), True), ((0, 1), False)])
def test_positions_that_are_not_counted_from_0_give_a_warning(
    tmp_path: Path, positions: tuple[int, int], warned: bool
) -> None:
    events = HEADER + "".join(f"u1,i1,impression,2024-01-01,,{position},,\n" for position in positions)
    _, report = read_dataset(folder_of(tmp_path, items__csv=ITEMS, events__csv=events), ANY)
    assert any("subtract 1" in warning for warning in report.warnings) == warned


@pytest.mark.parametrize(("length", "warned"), [(256, []), (257, ["items.csv: 1 item_id", "events.csv: 1 user_id"])])
def test_ids_that_a_server_does_not_take_give_a_warning(tmp_path: Path, length: int, warned: list[str]) -> None:
    long = "é" * length
    items, events = ITEMS + f"{long},Desk\n", HEADER + GOOD + GOOD.replace("u1", long)
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=events), ANY)
    starts = [f"{tmp_path}/{start} is longer than 256 characters, such as 'é" for start in warned]
    assert len(report.warnings) == len(starts)
    assert all(warning.startswith(start) for warning, start in zip(report.warnings, starts, strict=True))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_may_be_misspelt_is_named(tmp_path: Path, kind: str) -> None:
    said: list[str] = []
    items = ITEMS.replace("title", "title,Descripton,weight,tags,tag").replace("Lamp", "Lamp,a,b,c,d")
    event = {"user_id": "u", "item_id": "i1", "event": "click", "timestamp": 1714564800, "propensty": 1, "page": 2}
    events = json.dumps(event) if kind == "jsonl" else pl.DataFrame(event).write_csv()
    load_dataset(folder_of(tmp_path, items__csv=items, **{f"events__{kind}": events}), progress=said.append)
    assert said == [
        f"{tmp_path / 'items.csv'}: column 'Descripton' is not known; if it is 'description', rename it",
        f"{tmp_path / f'events.{kind}'}: column 'propensty' is not known; if it is 'propensity', rename it",
    ]


def test_impressions_that_nothing_can_follow_give_a_warning(tmp_path: Path) -> None:
    rows = "u,i1,impression,2024-05-01,0\n" * 3
    head = "user_id,item_id,event,timestamp,position\n"
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=head + rows)
    warnings = read_dataset(folder, ANY)[1].warnings
    assert any("3 impressions have no request_id" in line for line in warnings)
    assert any("no event is positive" in line for line in warnings)


def test_words_that_stand_for_no_value_give_a_warning(tmp_path: Path) -> None:
    """They are ids like any other, and what a database or a data frame writes where there is none."""
    head = "user_id,item_id,event,timestamp,event_id,request_id\n"
    rows = "nan,i1,click,2024-05-01,NULL,None\n" * 3 + "u,i1,click,2024-05-01,e,r\n"
    folder = folder_of(tmp_path, items__csv=ITEMS, events__csv=head + rows)
    report = read_dataset(folder, ANY)[1]
    warned = [line for line in report.warnings if "leave the cells empty" in line]
    assert [line.split(": ", 1)[1].split("; ")[0] for line in warned] == [
        "user_id is 'nan' in 3 rows, which count as one user",
        "request_id is 'None' in 3 rows, which count as one request",
        "event_id is 'NULL' in 3 rows, which count as the same event",
    ]
    assert report.n_duplicates == 2


@pytest.mark.parametrize(("second", "warned"), [(" i1", True), ("I1", True), ("i2", False)])
def test_items_whose_ids_people_would_take_for_one_give_a_warning(tmp_path: Path, second: str, warned: bool) -> None:
    items = pl.DataFrame({"item_id": ["i1", second], "title": ["Lamp", "Lamp"]})
    items.write_parquet(tmp_path / "items.parquet")
    _, report = read_dataset(folder_of(tmp_path, events__csv=HEADER + GOOD), ANY)
    assert any(f"such as 'i1' and {second!r}" in warning for warning in report.warnings) == warned


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (" i1", "which has 'i1'"),
        ("I1", "which has 'i1'"),
        ("i9", "add the item"),
        ("7", "which has '007'"),
        ("0008", "which has '8'"),
        ("0", "add the item"),
        (
            "cafe\N{COMBINING ACUTE ACCENT}",
            "which has 'café'; write both alike, with accents in one",
        ),
    ],
)
def test_the_rejection_of_an_item_names_the_one_that_it_may_be(tmp_path: Path, item: str, expected: str) -> None:
    events = HEADER + GOOD + GOOD.replace("i1", f'"{item}"')
    items = ITEMS + "007,Watch\n8,Ball\ncafé,Cup\n"
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=events), ANY)
    (reason,) = (reason for part in report.rejections for reason in part.rows["reason"])
    assert expected in reason


def test_decimal_ids_that_are_whole_are_those_of_whole_numbers(tmp_path: Path) -> None:
    ids = pl.Series("item_id", ["1", "20"]).cast(pl.Decimal(10, 2))
    pl.DataFrame({"item_id": ids, "title": ["Lamp", "Chair"]}).write_parquet(tmp_path / "items.parquet")
    events = HEADER + GOOD.replace("i1", "1") + GOOD.replace("i1", "20")
    dataset, _ = read_dataset(folder_of(tmp_path, events__csv=events), ANY)
    assert dataset.catalogue.frame["item_id"].to_list() == ["1", "20"]
    assert len(dataset.log) == 2


@pytest.mark.parametrize(
    ("now", "later", "warned"),
    [
        ("i2,Lamp,,true", "i2,click,2024-01-02", True),
        ("i2,Lamp,,true", "", True),
        ("i2,Lamp,,true", "i2,click,2023-12-31", False),  # both were there at once: two offers
        ("i2,Lamp,Red,true", "i2,click,2024-01-02", False),
        ("i2,Lamp,,false", "i2,click,2024-01-02", False),
        ("i2,Lamp,,true\ni3,Lamp,,true", "i2,click,2024-01-02", False),  # a name that many have
    ],
)
def test_items_that_got_new_ids_give_a_warning(tmp_path: Path, now: str, later: str, warned: bool) -> None:
    items = f"item_id,title,brand,available\ni1,Lamp,,false\n{now}\n"
    events = "user_id,item_id,event,timestamp\nu1,i1,click,2024-01-01\n" + (f"u1,{later}\n" if later else "")
    _, report = read_dataset(folder_of(tmp_path, items__csv=items, events__csv=events), ANY)
    assert ["read like items that can, such as 'i1' and 'i2'" in warning for warning in report.warnings] == [
        True
    ] * warned


def lists_with_clicks(by_position: Sequence[float], by_item: Sequence[float], impressions: bool) -> str:
    """A thousand lists of six items, the better ones mostly first, and clicks: events with positions."""
    rng, rows = np.random.default_rng(0), ["user_id,item_id,event,timestamp,request_id,position\n"]
    for number in range(1_000):
        order = np.argsort(rng.normal(0, 0.2, 6) - by_item)
        clicked = rng.random(6) < np.array(by_position) * np.array(by_item)[order]
        for position, item in enumerate(order.tolist()):
            where = f"{1_700_000_000 + 60 * number + position},r{number},{position}\n"
            kinds = ["impression"] * impressions + ["click"] * bool(clicked[position])
            rows += [f"u{number % 100},i{item},{kind},{where}" for kind in kinds]
    return "".join(rows)


ALL_ALIKE, BETTER_FIRST = (1.0,) * 6, (1.0, 0.8, 0.6, 0.4, 0.3, 0.2)


@pytest.mark.parametrize(
    ("by_position", "by_item", "impressions", "warned"),
    [
        ((0.4, 0.4, 0.4, 0.2, 0.2, 0.2), ALL_ALIKE, True, "the same items are chosen 2.0 times as often among"),
        ((0.3,) * 6, ALL_ALIKE, True, None),
        ((0.5,) * 6, BETTER_FIRST, True, None),  # the better items are chosen more, wherever they stand
        ((0.3,) * 6, ALL_ALIKE, False, "positive events name their position, and no impression is logged"),
        ((0.3, 0, 0, 0, 0, 0), ALL_ALIKE, False, None),
    ],
)
def test_choices_that_may_follow_the_position_give_a_warning(
    tmp_path: Path, by_position: Sequence[float], by_item: Sequence[float], impressions: bool, warned: str | None
) -> None:
    items = "item_id,title\n" + "".join(f"i{number},Lamp {number}\n" for number in range(6))
    events = lists_with_clicks(by_position, by_item, impressions)
    folder = folder_of(tmp_path, items__csv=items, events__csv=events)
    found = [line for line in read_dataset(folder, ANY)[1].warnings if "ranker.debias=true" in line]
    assert len(found) == (warned is not None)
    assert all(warned is not None and line.startswith(f"{tmp_path / 'events.csv'}: {warned}") for line in found)
    assert read_dataset(folder, load_config(None, ["ranker.debias=true"]))[1].warnings == ()
