"""What the user table says, as groups of users."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from logs_by_hand import log_of

from recsys.data.dataset_summary import summarise
from recsys.data.loading import LoadReport, dataset_from_frames, load_dataset
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.forget import user_digest
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.data.users.user_profiles import UserProfiles
from recsys.moments import DAY

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
NOW = 10**15
NOTHING = log_of({"times": []}, users=[], names=[], n_items=0)


def together(profiles: UserProfiles | None, one: str, other: str, time: int = NOW) -> int:
    """How many groups two users have in common."""
    assert profiles is not None
    first, second = profiles.groups.members[profiles.rows([one, other], time)].toarray()
    return int(first @ second)


def test_those_of_whom_the_same_is_said_are_together_and_ages_are_cut_into_tenths() -> None:
    profiles = UserProfiles.of(USERS, NOTHING)
    assert profiles is not None
    assert (len(profiles), len(profiles.groups)) == (20, 2 + 10 + 1)
    assert together(profiles, "u0", "u1") == 2  # age, member
    assert together(profiles, "u0", "u2") == 2  # town, member
    assert together(profiles, "u18", "u19") == 1  # age
    assert together(profiles, "u1", "u18") == 0
    assert profiles.rows(["u3", "nobody", None], NOW).tolist() == [3, -1, -1]
    assert profiles.of_user("u3", NOW) == [("town", "there"), ("age", "24 to 26"), ("member", "true")]
    assert profiles.of_user("nobody", NOW) == []


def test_few_numbers_are_groups_themselves() -> None:
    frame = pl.DataFrame({"user_id": ["a", "b", "c", "d"], "children": [0, 2, 2, 0], "none": [None] * 4})
    profiles = UserProfiles.of(frame, NOTHING)
    assert profiles is not None
    assert profiles.groups.members.toarray().tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


def test_the_name_of_a_tenth_is_short_where_it_tells() -> None:
    heights = [1.5 + number / 123 for number in range(40)]
    frame = pl.DataFrame({"user_id": [f"u{number}" for number in range(40)], "height": heights})
    profiles = UserProfiles.of(frame, NOTHING)
    assert profiles is not None
    assert profiles.of_user("u5", NOW) == [("height", "1.53 to 1.56")]
    near = frame.with_columns(height=1e6 + pl.col("height"))
    profiles = UserProfiles.of(near, NOTHING)
    assert profiles is not None
    assert len(profiles.groups) == 10
    assert profiles.of_user("u5", NOW)[0][1].startswith("1000001.53")


def test_codes_are_not_cut_into_tenths() -> None:
    frame = pl.DataFrame({"user_id": [f"u{n}" for n in range(60)], "city_id": [n % 30 for n in range(60)]})
    profiles = UserProfiles.of(frame, NOTHING)
    assert profiles is not None
    assert len(profiles.groups) == 30
    assert profiles.of_user("u31", NOW) == [("city_id", "1")]


BORN = [datetime(2020, 1, 1 + number, tzinfo=UTC) for number in range(20)]
"""Of u0 to u19, one a day."""


def microseconds(year: int, month: int = 1, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1e6)


def born(**columns: object) -> pl.DataFrame:
    """Users with their birthdays and more."""
    return pl.DataFrame({"user_id": [f"u{number}" for number in range(20)], "born": BORN, **columns})


def yearly(users: int = 20) -> InteractionLog:
    """An event of each user at each New Year from 2021 to 2024."""
    times = [microseconds(year) for year in range(2021, 2025) for _ in range(users)]
    names = [f"u{number}" for number in range(users)]
    return log_of({"times": times, "users": [*range(users)] * 4}, users=names, names=["click"], n_items=1)


def groups_at(profiles: UserProfiles, user: str, time: int) -> list[tuple[str, str]]:
    return [profiles.groups.name(group) for group in profiles.groups.of_row(profiles.rows([user], time)[0])]


def test_a_date_tells_the_age_at_each_moment() -> None:
    profiles = UserProfiles.of(born(town=["here", "there"] * 10, name=[f"n{number}" for number in range(20)]), yearly())
    assert profiles is not None
    assert profiles.stages is not None
    assert len(profiles) == 20
    assert [column for column, _ in groups_at(profiles, "u0", microseconds(2021))] == ["born", "town"]
    moments = [microseconds(year) for year in range(2021, 2025)]
    ages = [dict(profiles.of_user("u19", moment))["born"] for moment in moments]
    assert len(set(ages)) == 4, "a user grows"
    assert ages[0] == "0.95 to 0.961 years ago"
    alike = [together(profiles, "u0", "u18", moment) for moment in (moments[0], moments[-1])]
    assert alike == [1, 1], "of one town, and not of one age"
    u0, u19 = (profiles.rows([user], time)[0] for user, time in (("u0", moments[1]), ("u19", moments[1] + 19 * DAY)))
    assert profiles.groups.of_row(u0).tolist()[0] == profiles.groups.of_row(u19).tolist()[0], "as old, 19 days later"
    assert groups_at(profiles, "u0", microseconds(1990)) == groups_at(profiles, "u0", moments[0]), "no log of then"
    assert groups_at(profiles, "u0", microseconds(2050)) == groups_at(profiles, "u0", moments[-1] + 1), "the oldest"
    assert profiles.rows(["nobody", None, "u1"], moments[0]).tolist()[:2] == [-1, -1]
    assert profiles.rows_in(yearly()).tolist() == [
        row for moment in moments for row in profiles.rows([f"u{number}" for number in range(20)], moment)
    ]


def test_choices_of_one_age_count_half_at_the_next() -> None:
    profiles = UserProfiles.of(born(town=["here", "there"] * 10), yearly())
    assert profiles is not None
    row = profiles.rows(["u0"], microseconds(2022))[0]
    counted = profiles.groups_of_choices.members[row]
    own, *_ = profiles.groups.of_row(row).tolist()
    assert counted[:, own - 1 : own + 2].toarray().tolist() == [[0.5, 1.0, 0.5]]
    assert counted.sum() == 2 + 1, "a town has no next one"
    plain = UserProfiles.of(USERS, NOTHING)
    assert plain is not None
    assert plain.groups_of_choices is plain.groups


@pytest.mark.parametrize("text", ["2020-01-{:02}", "2020-01-{:02}T00:00:00Z", "2020-01-{:02} 00:00:00"])
def test_text_that_is_a_date_is_one(text: str) -> None:
    typed, read = (
        UserProfiles.of(frame, yearly())
        for frame in (born(), born().with_columns(born=pl.Series([text.format(number + 1) for number in range(20)])))
    )
    assert typed is not None
    assert read is not None
    assert read.of_user("u3", NOW) == typed.of_user("u3", NOW)
    other = UserProfiles.of(born().with_columns(born=pl.Series(["2020-01-01", "unknown"] * 10)), yearly())
    assert other is not None
    assert other.of_user("u3", NOW) == [("born", "unknown")]


def test_a_date_to_come_a_missing_one_and_few_dates() -> None:
    due = born().with_columns(born=pl.col("born") + pl.duration(days=1_500))
    profiles = UserProfiles.of(due.with_columns(born=pl.when(pl.col("user_id") != "u3").then("born")), yearly())
    assert profiles is not None
    (_, age), *_ = profiles.of_user("u0", microseconds(2021))
    assert age.startswith("in ")
    assert profiles.of_user("u3", NOW) == []
    few = UserProfiles.of(born().with_columns(born=pl.Series([BORN[0], BORN[1]] * 10)), yearly())
    assert few is not None
    assert few.stages is None, "members of two clubs"
    assert len(few.groups) == 2
    assert UserProfiles.of(born(), NOTHING) is None, "without events nobody has an age"


def test_an_id_that_reads_like_a_date_is_no_birthday() -> None:
    days = [f"2020-01-{number + 1:02}" for number in range(20)]
    assert UserProfiles.of(pl.DataFrame({"user_id": days}), yearly()) is None


def test_ages_are_saved_and_forget(tmp_path: Path) -> None:
    profiles = UserProfiles.of(born(town=["here", "there"] * 10), yearly())
    assert profiles is not None
    profiles.save(tmp_path)
    loaded = UserProfiles.load(tmp_path)
    asked = [f"u{number}" for number in range(20)], microseconds(2023)
    assert loaded.rows(*asked).tolist() == profiles.rows(*asked).tolist()
    assert (loaded.groups_of_choices.members != profiles.groups_of_choices.members).nnz == 0
    cleared = loaded.without([user_digest("u3")])
    assert cleared.rows(["u3"], NOW).tolist() == [-1]
    for user in ("u2", "u4"):
        assert cleared.of_user(user, microseconds(2023)) == profiles.of_user(user, microseconds(2023))


def test_other_dates_are_other_data() -> None:
    moved = born().with_columns(born=pl.col("born").reverse())
    events = EVENTS.with_columns(user_id=pl.Series(["u0", "u1"]))
    assert dataset_from_frames(ITEMS, events, users=born()).fingerprint != (
        dataset_from_frames(ITEMS, events, users=moved).fingerprint
    )


def test_what_is_no_number_is_in_no_group() -> None:
    profiles = UserProfiles.of(
        pl.DataFrame({"user_id": list("abcd"), "height": [1.8, float("nan"), float("nan"), 1.8]}), NOTHING
    )
    assert profiles is not None
    assert profiles.groups.members.toarray().tolist() == [[1], [0], [0], [1]]


def test_a_table_that_says_nothing_in_common() -> None:
    assert UserProfiles.of(USERS.select("user_id", "name"), NOTHING) is None
    assert UserProfiles.of(USERS.select("user_id"), NOTHING) is None


def test_it_is_saved_and_forgets(tmp_path: Path) -> None:
    profiles = UserProfiles.of(USERS, NOTHING)
    assert profiles is not None
    profiles.save(tmp_path)
    loaded = UserProfiles.load(tmp_path)
    assert np.array_equal(loaded.groups.members.toarray(), profiles.groups.members.toarray())
    cleared = loaded.without([user_digest("u3"), user_digest("nobody")])
    assert cleared.rows(["u2", "u3", "u4"], NOW).tolist() == [2, -1, 3]
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
    profiles = UserProfiles.of(USERS, NOTHING, pseudonyms)
    assert profiles is not None
    assert profiles.rows(["u3", pseudonyms.of("u3")], NOW).tolist() == [-1, 3]


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
