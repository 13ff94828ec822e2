"""Popularity among users of whom the same is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scorer_contract import CONFIG, make_log

from recsys.cf.profiles import ProfilePopularity
from recsys.config import CfConfig
from recsys.data.groups.membership import groups_of
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.forget import user_digest
from recsys.data.users.user_profiles import UserProfiles


def profiles_of(**columns: list[str]) -> UserProfiles:
    n = len(next(iter(columns.values())))
    profiles = UserProfiles.of(pl.DataFrame({"user_id": [f"u{user}" for user in range(n)], **columns}), make_log([], 0))
    assert profiles is not None
    return profiles


def scores(model: ProfilePopularity, users: list[str | None], n_items: int) -> np.ndarray:
    """(n_users, n_items)"""
    rows, items = np.divmod(np.arange(len(users) * n_items), n_items)
    found = model.scores(model.rows(users, 0)).of(rows, items.astype(np.int32))
    return found.reshape(len(users), n_items)


@pytest.fixture
def model() -> ProfilePopularity:
    """Users 0 and 1 live here, 2 and 3 there; here item 0 is chosen, there item 1, and item 2 everywhere."""
    rows = [(user, user // 2 if turn % 2 else 2, 0) for user in range(4) for turn in range(50)]
    return ProfilePopularity.fit(
        profiles_of(town=["here", "here", "there", "there", "here"]), make_log(rows, 4), CONFIG
    )


def test_each_town_has_its_own_and_what_is_chosen_everywhere_stays(model: ProfilePopularity) -> None:
    here, there, nobody = scores(model, ["u4", "u2", "stranger"], 4)
    assert there.tolist() == pytest.approx(here[[1, 0, 2, 3]].tolist())
    assert not nobody.any()
    # Of 100 events of the town 25, 25 and 50 are expected, and 50, 0 and 50 came; with a prior of .5, the likeliest:
    assert here.tolist() == pytest.approx([0.25 * 50.5 / 25.5, 0.25 * 0.5 / 25.5, 0.5, 0])


def test_columns_without_information_change_no_order(model: ProfilePopularity) -> None:
    rows = [(user, user // 2 if turn % 2 else 2, 0) for user in range(4) for turn in range(50)]
    noisy = profiles_of(town=["here", "here", "there", "there", "here"], sock=["red", "blue", "red", "blue", "red"])
    other = ProfilePopularity.fit(noisy, make_log(rows, 4), CONFIG)
    assert np.argsort(scores(other, ["u4"], 4)[0]).tolist()[2:] == np.argsort(scores(model, ["u4"], 4)[0]).tolist()[2:]


def crossed(*columns: str) -> tuple[ProfilePopularity, np.ndarray]:
    """A model of a shop where young women and old men choose item 0, others item 1, so that neither age nor sex tells
    anything by itself; and what each user chose."""
    users = [(("old", "young")[user % 2], ("woman", "man")[user // 2 % 2]) for user in range(40)]
    rows = [(user, int((age == "young") != (sex == "woman")), 0) for user, (age, sex) in enumerate(users)] * 10
    told = {"age": [age for age, _ in users], "sex": [sex for _, sex in users], "sock": ["red", "blue"] * 20}
    profiles = profiles_of(**{column: told[column] for column in columns})
    return ProfilePopularity.fit(profiles, make_log(rows, 2), CONFIG), np.array([chosen for _, chosen, _ in rows[:40]])


def test_what_two_columns_say_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.cf.lifts._PRIORS", (20.0,))
    model, chosen = crossed("age", "sex")
    users: list[str | None] = [f"u{user}" for user in range(40)]
    found = scores(model, users, 2)
    assert found.sum(axis=1) == pytest.approx(1)
    # 100 events of one pair, of which 50 were expected of each item; 20 are added.
    assert found[np.arange(40), chosen] == pytest.approx(120 / (120 + 20))
    assert scores(crossed("age", "sock")[0], users, 2) == pytest.approx(0.5)
    assert scores(model, ["u0", None, "stranger"], 2).sum(axis=1).tolist() == pytest.approx([1, 0, 0])


def test_a_column_drawn_by_chance_hardly_speaks() -> None:
    rng = np.random.default_rng(0)
    towns, socks = rng.integers(0, 5, 300).tolist(), rng.integers(0, 5, 300).tolist()
    rows = [(user, int(item), 0) for user in range(300) for item in 20 * towns[user] + rng.integers(0, 20, 10)]
    profiles = profiles_of(town=[f"t{town}" for town in towns], sock=[f"s{sock}" for sock in socks])
    model = ProfilePopularity.fit(profiles, make_log(rows, 100), CONFIG)
    of_towns, of_socks = (model.lifts[profiles.groups.columns == column].data for column in (0, 1))
    assert of_towns.max() > 1.4, "five times as often"
    assert np.abs(of_socks).max() < 0.1
    assert np.abs(model.lifts_of_pairs.data).max(initial=0) < 0.2


def test_only_the_first_columns_are_crossed_and_the_largest_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.cf.pair_lifts._CROSSED", 1)
    assert not len(crossed("age", "sex")[0].pairs)
    monkeypatch.setattr("recsys.cf.pair_lifts._CROSSED", 6)
    monkeypatch.setattr("recsys.cf.pair_lifts._MOST_EVENTS_OF_PAIRS", 150)
    monkeypatch.setattr("recsys.cf.pair_lifts._USERS_OF_A_BLOCK", 7)
    assert len(crossed("age", "sex")[0].pairs) == 2


def test_choosers_are_counted_by_group_and_lift_what_they_choose(model: ProfilePopularity) -> None:
    assert model.choosers.toarray().tolist() == [[2, 0, 2, 0], [0, 2, 2, 0]]
    here, there = model.lift(np.array([0, 1], dtype=np.int32), 0)
    assert here > 0 > there


def test_it_is_saved_and_forgets(model: ProfilePopularity, tmp_path: Path) -> None:
    model.save(tmp_path / "profiles")
    loaded = ProfilePopularity.load(tmp_path / "profiles")
    assert np.array_equal(scores(loaded, ["u0", None, "u3"], 4), scores(model, ["u0", None, "u3"], 4))
    assert not scores(loaded.without([user_digest("u0")]), ["u0"], 4).any()
    assert scores(loaded.without([user_digest("u0")]), ["u3"], 4).any()


def test_an_empty_log_and_events_without_weight_teach_nothing() -> None:
    profiles = profiles_of(town=["here", "here"])
    empty = ProfilePopularity.fit(profiles, make_log([], 3), CONFIG)
    assert not scores(empty, ["u0", "u1"], 3).any()
    unwanted = ProfilePopularity.fit(profiles, make_log([(0, 1, 0), (1, 2, 0)], 3, [0.0, 1.0]), CONFIG)
    assert np.flatnonzero(scores(unwanted, ["u0"], 3)).tolist() == [2]


def test_in_a_large_catalogue_only_what_a_group_lifts_most_has_a_score(
    model: ProfilePopularity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.cf.profiles.MOST_OF_A_GROUP", 1)
    assert np.flatnonzero(scores(model.indexed(), ["u0"], 4)).tolist() == [0]


def test_what_has_faded_away_is_no_number_of_none() -> None:
    log = make_log([(0, 1, 0), *((1, 2, day) for day in range(5, 20_001, 5))], 3)
    faded = ProfilePopularity.fit(profiles_of(town=["here", "here"]), log, CfConfig(half_life_days=1.0))
    assert scores(faded, ["u0"], 3)[0].tolist() == pytest.approx([0, 0, 1])


def test_what_items_have_in_common_says_something_of_those_that_nobody_chose() -> None:
    """Each of two towns chooses among its own 20 flats, each flat by another user; two more are new."""
    towns = ["here", "there"] * 21
    rows = [(item, item, item) for item in range(40)]
    profiles = profiles_of(home=towns[:40], sock=["red", "red", "blue", "blue"] * 10)
    flats = groups_of(pl.DataFrame({"town": towns, "colour": ["grey", "white", "green"] * 14}), [])
    model = ProfilePopularity.fit(profiles, make_log(rows, 42), CONFIG, flats)
    here, there = scores(model, ["u0", "u1"], 42)
    assert here[40] > 5 * here[41]
    assert there[41] > 5 * there[40]
    assert here.sum() == pytest.approx(1)
    assert not scores(ProfilePopularity.fit(profiles, make_log(rows, 42), CONFIG), ["u0"], 42)[0, 40:].any()


def test_one_event_more_says_little_of_an_item_whose_values_say_something_of_it() -> None:
    """Of the flats of two towns one was chosen three times, one by nobody, and the others once."""
    towns = ["here", "there"] * 20
    rows = [(item, item, 0) for item in range(2, 40)] + [(user, 0, 0) for user in (2, 4, 6)]
    profiles = profiles_of(home=towns)
    model = ProfilePopularity.fit(profiles, make_log(rows, 40), CONFIG, groups_of(pl.DataFrame({"town": towns}), []))
    assert model.popularity[[0, 2, 1]].tolist() == pytest.approx([4 / 81, 2 / 81, 1 / 81])  # one event is added to each


def test_a_value_that_users_and_items_share_counts_also_where_nobody_chose_yet() -> None:
    """Each of 20 machines has three users and three parts; the users of the last one have chosen nothing."""
    machines = [f"M{number // 3}" for number in range(60)]
    rows = [(user, user, user) for user in range(57)]
    profiles, parts = profiles_of(machine=machines), pl.DataFrame({"fits": [[name.lower()] for name in machines]})
    known = scores(ProfilePopularity.fit(profiles, make_log(rows, 60), CONFIG, groups_of(parts, [])), ["u58"], 60)[0]
    assert known[57:].min() > 5 * known[:57].max()
    other = parts.with_columns(pl.col("fits").list.eval("part of " + pl.element()))
    strange = scores(ProfilePopularity.fit(profiles, make_log(rows, 60), CONFIG, groups_of(other, [])), ["u58"], 60)[0]
    assert not strange.any()


def test_what_a_group_chose_lately_counts_more_where_that_is_what_it_chooses_next() -> None:
    """Each of 30 teams of four takes up another of 60 items every month, all at once; or each member when it likes."""
    random = np.random.default_rng(5)
    items = np.array([random.permutation(60)[:20] for _ in range(30)])  # (n_teams, n_months)
    rows = [(user, int(items[user // 4, month]), 30 * month) for month in range(20) for user in range(120)]
    profiles = profiles_of(team=[f"team {user // 4}" for user in range(120)])
    first, last = items[0, [0, -1]]
    lately = scores(ProfilePopularity.fit(profiles, make_log(rows, 60), CONFIG), ["u0"], 60)[0]
    assert lately[last] > 3 * lately[first] > 0
    mixed = [(*rows[place][:2], day) for place, (_, _, day) in zip(random.permutation(len(rows)), rows, strict=True)]
    ever = scores(ProfilePopularity.fit(profiles, make_log(mixed, 60), CONFIG), ["u0"], 60)[0]
    assert ever[last] < 2 * ever[first]


def test_what_groups_chose_long_ago_does_not_count_where_they_have_moved_on() -> None:
    """Children of four ages; every day one of each age gets another thing, of the next age from day 400 on."""
    days = [(day, born) for day in range(800) for born in range(4)]
    rows = [(4 * (day % 50) + born, thing, day) for thing, (day, born) in enumerate(days)]
    ages = [f"age {born + (day >= 400)}" for day, born in days] + [f"age {age}" for age in range(5)]
    profiles, things = profiles_of(born=["a", "b", "c", "d"] * 50), groups_of(pl.DataFrame({"age": ages}), [])
    model = ProfilePopularity.fit(profiles, make_log(rows, 3_205), CONFIG, things)
    of_a, of_d = scores(model, ["u0", "u3"], 3_205)
    assert of_a[3_201] > 5 * of_a[3_200]
    assert of_d[3_204] > 5 * of_d[3_203]


def children(n: int = 60) -> tuple[UserProfiles, InteractionLog]:
    """Children born ten days apart, who take the thing for their age, in years, every month for two years; half of them
    live here."""
    born = [datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=10 * number) for number in range(n)]
    moments = [datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=30 * month) for month in range(24)]
    rows = [
        (user, (moment - birthday).days // 365, (moment - datetime(1970, 1, 1, tzinfo=UTC)).days)
        for moment in moments
        for user, birthday in enumerate(born)
    ]
    log = make_log(rows, 8)
    users = pl.DataFrame(
        {"user_id": [f"u{user}" for user in range(n)], "born": born, "town": ["here", "there"] * (n // 2)}
    )
    profiles = UserProfiles.of(users, log)
    assert profiles is not None
    return profiles, log


def test_a_child_is_offered_what_others_took_at_the_age_that_it_has_now() -> None:
    profiles, log = children()
    model = ProfilePopularity.fit(profiles, log, CONFIG)

    def best(user: str, moment: datetime) -> int:
        rows = model.rows([user], int(moment.timestamp() * 1e6))
        return int(np.argmax(model.scores(rows).of(np.zeros(8, dtype=np.int64), np.arange(8, dtype=np.int32))))

    born = datetime(2018, 1, 1, tzinfo=UTC)
    for age in (3.5, 4.5):
        assert best("u0", born + timedelta(days=365 * age)) == int(age), "as old at the time of the request"
        assert best("u30", born + timedelta(days=365 * age + 300)) == int(age), "and ten months later a younger one"


def test_one_who_chose_an_item_at_two_ages_is_one_chooser() -> None:
    profiles, log = children()
    model = ProfilePopularity.fit(profiles, log, CONFIG)
    towns = np.flatnonzero(profiles.groups.names["column"] == "town")
    chose = np.zeros((60, 8), dtype=bool)
    chose[log.users, log.items] = True
    assert model.choosers[towns].toarray().tolist() == [
        chose[::2].sum(axis=0).tolist(),
        chose[1::2].sum(axis=0).tolist(),
    ]
    ages = np.setdiff1d(np.arange(len(profiles.groups)), towns)
    assert model.choosers[ages].sum() > chose.sum(), "at each age by itself"
