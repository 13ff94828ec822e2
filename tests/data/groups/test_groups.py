"""What rows of a table have in common."""

from pathlib import Path

import polars as pl
import pytest

from recsys.data.groups.membership import Groups, groups_of, has_value, members_of


def test_every_value_that_two_rows_have_is_a_group(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "item_id": ["a", "b", "a"],
            "author": ["x", None, "x"],
            "price": [1.0, 1.0, 1.0],
            "tags": [["s", "t", "s"], ["t"], ["u", None]],
            "new": [True, False, True],
            "sizes": [[1], [1], [1]],
        }
    )
    groups = groups_of(frame, ["item_id", "no such column"])
    assert groups is not None
    assert groups.members.dtype == "float32"
    assert groups.members.toarray().tolist() == [[1, 1, 1], [0, 1, 0], [1, 0, 1]]
    assert [groups.name(group) for group in range(len(groups))] == [("author", "x"), ("tags", "t"), ("new", "true")]
    assert groups.sizes.tolist() == [2, 2, 2]
    groups.save(tmp_path)
    loaded = Groups.load(tmp_path)
    assert loaded.names.equals(groups.names)
    assert [loaded.of_row(row).tolist() for row in range(3)] == [[0, 1, 2], [1], [0, 2]]


def test_without_a_value_in_common_there_are_no_groups() -> None:
    assert groups_of(pl.DataFrame({"brand": ["y", None, "z"], "tags": [[], None, ["w"]]}), []) is None
    assert groups_of(pl.DataFrame({"price": [1.0, 1.0]}), []) is None


def test_a_row_is_a_member_once_of_each_value_in_its_list() -> None:
    members = members_of(pl.Series([["s", "t", "s"], [], None, ["t"]]))
    assert members is not None
    assert members.toarray().tolist() == [[1, 1], [0, 0], [0, 0], [0, 1]]
    assert members_of(pl.Series("tags", [[], None], dtype=pl.List(pl.String))) is None


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(["7", "8", None]),
        pl.Series([7, 8, None]),
        pl.Series([["8", "7"], ["8"], []]),
        pl.Series([[8, 7], [8, None], None]),
        pl.Series(["7", "8", None], dtype=pl.Categorical),
    ],
)
def test_a_value_is_found_in_columns_of_every_kind(column: pl.Series) -> None:
    assert has_value(column, "7").tolist() == [True, False, False]


@pytest.mark.parametrize(
    "name", ["id", "ID", "seller_id", "artistId", "genre ids", "genre_IDs", "zip_code", "postcode", "Code"]
)
def test_numbers_of_ids_and_codes_are_names(name: str) -> None:
    frame = pl.DataFrame({name: [7, 9, 7], "tags": [None] * 3})
    groups = groups_of(frame, [])
    assert groups is not None
    assert [groups.name(group) for group in range(len(groups))] == [(name, "7")]
    listed = groups_of(pl.DataFrame({name: [[7, 8], [9], [7]]}), [])
    assert listed is not None
    assert listed.members.toarray().tolist() == [[1], [0], [1]]


@pytest.mark.parametrize("name", ["price", "width", "paid", "grid", "Madrid", "codec", "idle", "episode"])
def test_other_numbers_are_quantities(name: str) -> None:
    assert groups_of(pl.DataFrame({name: [7, 9, 7]}), []) is None


def test_columns_of_fixed_names_are_text() -> None:
    frame = pl.DataFrame({"town": pl.Series(["a", "b", "a"], dtype=pl.Categorical)})
    for column in (frame["town"], frame["town"].cast(pl.Enum(["b", "a"]))):
        groups = groups_of(column.to_frame(), [])
        assert groups is not None
        assert groups.members.toarray().tolist() == [[1], [0], [1]]


def test_a_path_is_in_each_of_its_levels() -> None:
    paths = pl.Series("category", ["Home > Kitchen > Knives", "Home > Kitchen > Pans", "Home > Bath", None, "Garden"])
    groups = groups_of(paths.to_frame(), [])
    assert groups is not None
    assert [groups.name(group)[1] for group in range(len(groups))] == ["Home", "Home > Kitchen"]
    assert groups.members.toarray().tolist() == [[1, 1], [1, 1], [1, 0], [0, 0], [0, 0]]
    second = members_of(paths, level=2)
    assert second is not None
    assert second.toarray().tolist() == [[0, 1], [0, 1], [1, 0], [0, 0], [0, 0]]
    assert members_of(pl.Series(["Home", "Garden"]), level=1) is None
    assert has_value(paths, "Home").tolist() == [True, True, True, False, False]
    assert has_value(paths, "Ho").tolist() == [False] * 5


def test_names_with_a_stroke_and_addresses_are_no_paths() -> None:
    assert groups_of(pl.DataFrame({"artist": ["AC/DC", "AC/CD", "Abba", "Air", "Ash"]}), []) is None
    assert groups_of(pl.DataFrame({"image": ["https://a.org/1", "https://a.org/2"]}), []) is None


def test_what_is_named_by_id_is_in_the_group_of_those_that_name_it() -> None:
    ids = pl.Series("item_id", ["phone", "case", "cable", "lamp"])
    fits = pl.Series("fits", [[], ["phone"], ["phone"], None], dtype=pl.List(pl.String))
    groups = groups_of(fits.to_frame(), [], ids)
    assert groups is not None
    assert groups.members.toarray().tolist() == [[1], [1], [1], [0]]
    alone = groups_of(fits.to_frame(), [])
    assert alone is not None
    assert alone.members.toarray().tolist() == [[0], [1], [1], [0]]
    sizes = pl.Series("size", ["40", "41", "40"])
    bare = groups_of(sizes.to_frame(), [], pl.Series(["40", "41", "42"]))
    assert bare is not None, "bare numbers are no ids"
    assert bare.members.toarray().tolist() == [[1], [0], [1]]
