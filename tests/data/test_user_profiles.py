"""What the user table says, as groups of users."""

from pathlib import Path

import numpy as np
import polars as pl

from recsys.data.dataset_summary import summarise
from recsys.data.loading import LoadReport, dataset_from_frames, load_dataset
from recsys.data.users.forget import user_digest
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.data.users.user_profiles import UserProfiles

USERS = pl.DataFrame(
    {
        "user_id": [f"u{number}" for number in range(20)],
        "name": [f"name {number}" for number in range(20)],
        "town": ["here", "there"] * 10,
        "age": [20 + 2 * number for number in range(20)],
        "member": [True] * 5 + [None] * 15,
    }
)
ITEMS = pl.DataFrame({"item_id": ["a", "b"], "title": ["first", "second"]})
EVENTS = pl.DataFrame(
    {"user_id": ["u0", "x"], "item_id": ["a", "b"], "event": ["click"] * 2, "timestamp": [10**9, 10**9 + 1]}
)


def together(profiles: UserProfiles | None, one: str, other: str) -> int:
    """How many groups two users have in common."""
    assert profiles is not None
    first, second = profiles.groups.members[profiles.rows([one, other])].toarray()
    return int(first @ second)


def test_those_of_whom_the_same_is_said_are_together_and_ages_are_cut_into_tenths() -> None:
    profiles = UserProfiles.of(USERS)
    assert profiles is not None
    assert (len(profiles), len(profiles.groups)) == (20, 2 + 10 + 1)
    assert together(profiles, "u0", "u1") == 2  # age, member
    assert together(profiles, "u0", "u2") == 2  # town, member
    assert together(profiles, "u18", "u19") == 1  # age
    assert together(profiles, "u1", "u18") == 0
    assert profiles.rows(["u3", "nobody", None]).tolist() == [3, -1, -1]
    assert profiles.of_user("u3") == [("town", "there"), ("age", "24 to 26"), ("member", "true")]
    assert profiles.of_user("nobody") == []


def test_few_numbers_are_groups_themselves() -> None:
    frame = pl.DataFrame({"user_id": ["a", "b", "c", "d"], "children": [0, 2, 2, 0], "none": [None] * 4})
    profiles = UserProfiles.of(frame)
    assert profiles is not None
    assert profiles.groups.members.toarray().tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


def test_the_name_of_a_tenth_is_short_where_it_tells() -> None:
    heights = [1.5 + number / 123 for number in range(40)]
    frame = pl.DataFrame({"user_id": [f"u{number}" for number in range(40)], "height": heights})
    profiles = UserProfiles.of(frame)
    assert profiles is not None
    assert profiles.of_user("u5") == [("height", "1.53 to 1.56")]
    near = frame.with_columns(height=1e6 + pl.col("height"))
    profiles = UserProfiles.of(near)
    assert profiles is not None
    assert len(profiles.groups) == 10
    assert profiles.of_user("u5")[0][1].startswith("1000001.53")


def test_codes_are_not_cut_into_tenths() -> None:
    frame = pl.DataFrame({"user_id": [f"u{n}" for n in range(60)], "city_id": [n % 30 for n in range(60)]})
    profiles = UserProfiles.of(frame)
    assert profiles is not None
    assert len(profiles.groups) == 30
    assert profiles.of_user("u31") == [("city_id", "1")]


def test_what_is_no_number_is_in_no_group() -> None:
    profiles = UserProfiles.of(
        pl.DataFrame({"user_id": list("abcd"), "height": [1.8, float("nan"), float("nan"), 1.8]})
    )
    assert profiles is not None
    assert profiles.groups.members.toarray().tolist() == [[1], [0], [0], [1]]


def test_a_table_that_says_nothing_in_common() -> None:
    assert UserProfiles.of(USERS.select("user_id", "name")) is None
    assert UserProfiles.of(USERS.select("user_id")) is None


def test_it_is_saved_and_forgets(tmp_path: Path) -> None:
    profiles = UserProfiles.of(USERS)
    assert profiles is not None
    profiles.save(tmp_path)
    loaded = UserProfiles.load(tmp_path)
    assert np.array_equal(loaded.groups.members.toarray(), profiles.groups.members.toarray())
    cleared = loaded.without([user_digest("u3"), user_digest("nobody")])
    assert cleared.rows(["u2", "u3", "u4"]).tolist() == [2, -1, 3]
    assert np.array_equal(cleared.groups.members[3].toarray(), profiles.groups.members[4].toarray())
    assert loaded.without([user_digest("nobody")]) is loaded


def test_a_folder_with_a_table_of_users_has_profiles(tmp_path: Path) -> None:
    ITEMS.write_csv(tmp_path / "items.csv")
    EVENTS.write_csv(tmp_path / "events.csv")
    plain = load_dataset(tmp_path)
    USERS.write_csv(tmp_path / "users.csv")
    dataset = load_dataset(tmp_path)
    assert plain.profiles is None
    assert together(dataset.profiles, "u0", "u2") == 2
    assert plain.fingerprint != dataset.fingerprint
    assert dataset_from_frames(ITEMS, EVENTS, users=USERS).fingerprint == dataset.fingerprint


def test_pseudonyms_go_by_no_other_name() -> None:
    pseudonyms = Pseudonyms(b"a key of sixteen bytes or more")
    profiles = UserProfiles.of(USERS, pseudonyms)
    assert profiles is not None
    assert profiles.rows(["u3", pseudonyms.of("u3")]).tolist() == [-1, 3]


def test_a_table_of_no_use_is_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    ITEMS.write_csv(tmp_path / "items.csv")
    EVENTS.write_csv(tmp_path / "events.csv")
    USERS.with_columns(user_id="U" + pl.col("user_id")).write_csv(tmp_path / "users.csv")
    load_dataset(tmp_path, progress=told.append)
    USERS.select("user_id", "name").write_csv(tmp_path / "users.csv")
    load_dataset(tmp_path, progress=told.append)
    assert [line.removeprefix(str(tmp_path)) for line in told] == [
        "/users.csv: none of its users has an event; if the events write the ids in another way, write them alike",
        "/users.csv: no two users have a value in common, so nothing can be learned from it",
    ]


def test_the_summary_counts_the_users_of_the_log_in_the_table(tmp_path: Path) -> None:
    dataset = dataset_from_frames(ITEMS, EVENTS, users=USERS)
    found = summarise(dataset, LoadReport((), 0))
    assert (found.users, found.profiled) == (2, 1)
    assert "users       2, 1 of them in users.*" in found.lines()
