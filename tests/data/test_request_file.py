"""Requests files in every kind of file, and their faults."""

import json
from pathlib import Path

import polars as pl
import pytest

from recsys.data.requests.request import Request
from recsys.data.requests.request_file import read_requests, read_user_ids
from recsys.errors import DataError

MAY = 1_714_564_800_000_000
EXPECTED = [
    Request("u1", ("a", "b"), ("c", "d"), 5, MAY, "r1", {"query": "红 lamp"}, targets=("a", "c")),
    Request(None, (), None, 10, None, "r2", {}, targets=("b",)),
    Request("u3", None, None, 10, None, "r3"),
]


def test_requests_are_read_from_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "request_id": ["r1", "r2", "r3"],
            "user_id": ["u1", None, "u3"],
            "history": [["a", "b"], [], None],
            "candidates": [["c", "d"], None, None],
            "timestamp": ["2024-05-01T12:00:00Z", None, None],
            "context": [{"query": "红 lamp", "hour": None}, None, None],
            "n": [5, None, None],
            "target": [["a", "c"], ["b"], None],
        }
    )
    frame.write_parquet(tmp_path / "requests.parquet")
    assert read_requests(tmp_path / "requests.parquet") == EXPECTED


def test_requests_are_read_from_csv(tmp_path: Path) -> None:
    text = (
        "request_id,user_id,history,candidates,timestamp,context,n,target\n"
        'r1,u1,a|b,"[""c"", ""d""]",1714564800,"{""query"": ""红 lamp""}",5,a|c\n'
        "r2,,[],,,,,b\n"
        "r3,u3,,,,,,\n"
    )
    (tmp_path / "requests.csv").write_text(text, encoding="utf-8")
    assert read_requests(tmp_path / "requests.csv") == EXPECTED


def test_requests_are_read_from_json_lines(tmp_path: Path) -> None:
    rows = [
        {
            "request_id": "r1",
            "user_id": "u1",
            "history": ["a", "b"],
            "candidates": ["c", "d"],
            "timestamp": 1714564800000,
            "context": {"query": "红 lamp"},
            "n": 5,
            "target": ["a", "c"],
        },
        {"request_id": "r2", "user_id": None, "history": [], "target": "b"},
        {"request_id": "r3", "user_id": "u3"},
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "requests.jsonl").write_text(text, encoding="utf-8")
    assert read_requests(tmp_path / "requests.jsonl") == EXPECTED


def test_a_target_of_a_typed_file_is_one_item(tmp_path: Path) -> None:
    pl.DataFrame({"request_id": ["r"], "target": ["a|b"]}).write_parquet(tmp_path / "requests.parquet")
    assert read_requests(tmp_path / "requests.parquet")[0].targets == ("a|b",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id\nu\n", r"no column 'request_id'"),
        ("request_id,n\n", r"has no requests"),
        ("request_id,n\n,3\n", r"missing \(for example line 2, column request_id: null\)"),
        ("request_id,n\nr,0\n", r"line 2, column n: 0 is not a length"),
        ("request_id,n\nr,many\n", r'not a whole number from 0 \(for example line 2, column n: "many"\)'),
        ("request_id,n\nr,1\ns,2\nr,3\n", r"line 4, column request_id: 'r' was used on line 2"),
        ("request_id,timestamp\nr,soon\n", r'line 2, column timestamp: "soon"'),
        ("request_id,context\nr,lamp\n", r"line 2, column context: not a JSON object"),
        ('request_id,context\nr,"{""query"": 5}"\n', r"line 2, column context: query: '5' is not text; write it as"),
        ("request_id,history\nr,[1\n", r"line 2, column history: '\[1' is not a JSON array"),
        ('request_id,history\nr,"[""a"", null]"\n', r"line 2, column history: None is not an item id"),
        ("request_id,history\nr,a||b\n", r"line 2, column history: '' is not an item id"),
    ],
)
def test_a_fault_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "requests.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_requests(tmp_path / "requests.csv")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_is_not_read_is_named(tmp_path: Path, kind: str) -> None:
    path, said = tmp_path / f"requests.{kind}", []
    row = pl.DataFrame({"request_id": ["r"], "historie": ["a"], "n_items": [3]})
    {"csv": row.write_csv, "jsonl": row.write_ndjson, "parquet": row.write_parquet}[kind](path)
    assert read_requests(path, progress=said.append) == [Request(request_id="r")]
    assert said == [
        f"{path}: column 'historie' is not read; is it 'history'?",
        f"{path}: column 'n_items' is not read; known are request_id, user_id, timestamp, n, history, candidates, "
        f"context, target",
    ]


def test_a_query_of_a_typed_file_is_text(tmp_path: Path) -> None:
    pl.DataFrame({"request_id": ["r"], "context": [{"query": ["a"]}]}).write_parquet(tmp_path / "requests.parquet")
    with pytest.raises(DataError, match=r"column context: query: .* is not text"):
        read_requests(tmp_path / "requests.parquet")


@pytest.mark.parametrize("cell", ['{"a": 1}', "true"])
def test_an_object_is_no_item_id(tmp_path: Path, cell: str) -> None:
    for column in ("history", "candidates", "target"):
        (tmp_path / "requests.jsonl").write_text(f'{{"request_id": "r", "{column}": {cell}}}\n')
        with pytest.raises(DataError, match=f"line 1, column {column}: .* is not an item id"):
            read_requests(tmp_path / "requests.jsonl")


def test_ids_of_a_text_file_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(" u1\r\n\nu\u20282 \n".encode())
    assert read_user_ids(tmp_path / "users") == [" u1", "u\u20282 "]


def test_a_mark_at_the_start_is_no_part_of_the_first_user(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes("\ufeffu1\nu2\n".encode())
    assert read_user_ids(tmp_path / "users") == ["u1", "u2"]


def test_a_missing_file_and_one_of_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a file"):
        read_requests(tmp_path / "requests.csv")
    (tmp_path / "requests.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match="unknown kind of file"):
        read_requests(tmp_path / "requests.xlsx")


def test_a_list_of_users_may_have_a_header_but_no_further_columns(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("user_id\nu1\nu2\n")
    assert read_user_ids(tmp_path / "users.txt") == ["u1", "u2"]
    for name in ("users.CSV", "users.tsv", "users.json"):
        (tmp_path / name).write_text("user_id,name\nu1,Alice\n")
        with pytest.raises(DataError, match="unknown kind of file"):
            read_user_ids(tmp_path / name)


@pytest.mark.parametrize("column", ["history", "context"])
def test_a_time_that_no_row_can_hold_names_its_column(tmp_path: Path, column: str) -> None:
    """Such as the `infinity` of a database: polars ends in a panic where it makes a date of it."""
    far = pl.Series("when", [2**63 - 1]).cast(pl.Datetime("us")).to_frame()
    cell = pl.struct("when") if column == "context" else pl.concat_list("when")
    far.select(pl.lit("r").alias("request_id"), cell.alias(column)).write_parquet(tmp_path / "requests.parquet")
    with pytest.raises(DataError, match=rf"requests\.parquet: column '{column}' holds a time outside the years 1 to"):
        read_requests(tmp_path / "requests.parquet")
