"""Columns that only these items have become features, so that tastes which go by them are known."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from logs_by_hand import log_of

from recsys.config import FeaturesConfig, parse_config
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError
from recsys.moments import DAY
from recsys.pipeline.training.attribute_features import with_attribute_features
from recsys.progress import Progress, silent

N = 100
NO_EVENTS = InteractionLog.empty(N)


def catalogue(**columns: object) -> ItemCatalogue:
    numbers = range(N)
    known = {
        "item_id": [f"i{n}" for n in numbers],
        "title": [f"thing {n}" for n in numbers],
        "price": [float(n) for n in numbers],
    }
    frame = pl.DataFrame({**known, "language": [None] * N, **columns}, schema_overrides={"language": pl.String})
    return ItemCatalogue(frame)


def extended(
    items: ItemCatalogue,
    config: FeaturesConfig = FeaturesConfig(),
    log: InteractionLog = NO_EVENTS,
    progress: Progress = silent,
    *,
    has_unequal_weights: bool = False,
) -> FeaturesConfig:
    return with_attribute_features(config, items, log, progress, has_unequal_weights=has_unequal_weights)


def names(items: ItemCatalogue, config: FeaturesConfig = FeaturesConfig()) -> list[str]:
    return [feature.name for feature in extended(items, config).extra]


def test_columns_that_may_show_a_taste_are_compared() -> None:
    items = catalogue(
        Author=[f"author {n % 20}" for n in range(N)],
        size=[36 + n % 10 for n in range(N)],
        weight=[0.5 * n for n in range(N)],
        vegan=[n % 3 == 0 for n in range(N)],
        moods=[["sad", "odd"][: n % 3] for n in range(N)],
        maker=[1_000_000 + 37 * (n % 50) for n in range(N)],
        stock=[1_000 + n for n in range(N)],
        link=[f"https://shop/{n}" for n in range(N)],  # of one item each
        currency=["EUR"] * N,  # nothing to compare
        award=[str(n % 2) if n < 5 else None for n in range(N)],  # told of hardly any
        nothing=[None] * N,
    )
    assert names(items) == [
        *("user_author_share", "user_size_share", "user_vegan_share", "user_moods_share", "user_maker_share"),
        *("user_size_distance", "user_weight_distance", "user_maker_distance"),  # and no more than eight
        *("user_size_above", "user_weight_above", "user_maker_above"),
        *("author_popularity", "vegan_popularity", "moods_popularity"),
    ]


def test_the_levels_of_a_path_are_compared() -> None:
    items = catalogue(
        category=[f"area {n % 2} > room {n % 10} > shelf {n}" for n in range(N)],  # one item a shelf
        brand=[f"brand {n % 5}" for n in range(N)],
    )
    assert names(items) == ["user_category_level_1_share", "user_category_level_2_share"]


def test_items_that_a_column_names_are_looked_for_in_the_history() -> None:
    items = catalogue(
        requires=[[f"i{n // 2}"] if n else [] for n in range(N)], sold_with=[f"i{n % 7}" for n in range(N)]
    )
    assert names(items) == [
        *("user_requires_named", "user_sold_with_named", "user_requires_share", "user_sold_with_share"),
        *("requires_popularity", "sold_with_popularity"),
    ]


def test_what_acts_are_worth_is_told_where_it_differs() -> None:
    items = catalogue(author=[f"author {n % 20}" for n in range(N)])
    extra = extended(items, has_unequal_weights=True).extra
    assert [feature.name for feature in extra] == ["user_author_share", "user_author_worth", "author_popularity"]
    assert dict(extra[1].arguments) == {"column": "author", "of": "worth"}
    shares = ["user_author_share", "author_popularity"]
    assert names(items) == shares


def purchases(step: Callable[[int, int], float], item: Callable[[int, int], int]) -> InteractionLog:
    """Each of 40 users buys 12 times: `step(user, turn)` days after the time before, and `item(user, turn)`."""
    rows = [(user, turn) for user in range(40) for turn in range(12)]
    days = {(user, turn): sum(step(user, before) for before in range(turn + 1)) for user, turn in rows}
    rows.sort(key=lambda row: days[row])
    columns = {"users": [user for user, _ in rows], "items": [item(*row) for row in rows]}
    times = [int(days[row] * DAY) for row in rows]
    return log_of({**columns, "times": times}, users=[f"u{u}" for u in range(40)], names=["purchase"], n_items=N)


def test_what_users_come_back_to_at_even_intervals_may_be_due_whichever_item_it_was() -> None:
    """Items of 20 substances, each made by five makers."""
    items = catalogue(
        category=[f"kind {n % 4}" for n in range(N)],
        substance=[f"substance {n % 20}" for n in range(N)],
        maker=[f"maker {n // 20}" for n in range(N)],
    )
    random = np.random.default_rng(1)
    chance, makers = random.exponential(size=(40, 12)), random.integers(0, 5, (40, 12))

    def dues(log: InteractionLog) -> list[str]:
        extra = extended(items, log=log).extra
        return [feature.name for feature in extra if feature.kind == "UserLabelDue"]

    def of_two(user: int, turn: int) -> int:
        """Of any maker: a substance at even turns, another one of another kind at odd turns."""
        return (user % 20 + turn % 2) % 20 + 20 * int(makers[user, turn])

    def run_out(user: int, turn: int) -> float:
        """The second substance is bought the day after the first, which lasts for a month."""
        return 1.0 if turn % 2 else 29.0

    assert dues(purchases(run_out, of_two)) == ["user_category_due", "user_substance_due"]
    assert dues(purchases(lambda *_: 7.0, of_two)) == [], "who comes every week buys everything at even intervals"
    assert dues(purchases(lambda user, turn: chance[user, turn], of_two)) == [], "whenever they like"
    of_one_maker = purchases(run_out, lambda user, turn: (user + turn % 2) % 20)
    assert dues(of_one_maker) == [], "then the item is due"
    assert names(items) == ["user_substance_share", "user_maker_share", "substance_popularity", "maker_popularity"]
    assert dues(log_of({"times": []}, users=[], names=[], n_items=N)) == []


def test_numbers_that_count_through_a_series_tell_of_the_next_one() -> None:
    series = [f"series {n // 5}" if n < 60 else None for n in range(N)]
    items = catalogue(
        series=series,
        volume=[n % 5 + 1 if n < 60 else None for n in range(N)],
        pages=[100 + 37 * n % 300 for n in range(N)],  # of no order
        year=[2000 + n % 3 for n in range(N)],  # many of a series have the same
    )
    steps = [feature for feature in extended(items).extra if "step" in feature.name]
    assert [(feature.kind, dict(feature.arguments)) for feature in steps] == [
        ("UserLineStep", {"column": "series", "number": "volume"})
    ]
    assert steps[0].name == "user_series_volume_step"


def test_where_items_have_dates_a_line_tells_when_they_were_replaced() -> None:
    line = {"line": [f"line {n // 5}" for n in range(N)], "model": [float(n % 5) for n in range(N)]}
    dates = pl.Series([n * 86_400_000_000 for n in range(N)]).cast(pl.Datetime("us", "UTC"))
    assert "line_model_replaced" in names(catalogue(**line, created_at=dates))
    assert "line_model_replaced" not in names(catalogue(**line))


def test_a_series_may_stand_in_a_column_of_its_own_place() -> None:
    items = catalogue(brand=[f"show {n // 10}" for n in range(N)], episode=[float(n % 10) for n in range(N)])
    assert "user_brand_episode_step" in names(items)


@pytest.mark.parametrize("lengths", [(6, 6, 6), (2, 3, 4, 5)])
def test_episodes_may_be_counted_anew_in_each_season(lengths: tuple[int, ...]) -> None:
    numbers = [(season + 1, n + 1) for season, length in enumerate(lengths) for n in range(length)]
    shows = -(-N // len(numbers))
    items = catalogue(
        show=[f"show {n // len(numbers)}" for n in range(N)],
        year=[2000 + n // len(numbers) + season for n, (season, _) in enumerate((numbers * shows)[:N])],
        episode=[episode for _, episode in numbers * shows][:N],
        season=[season for season, _ in numbers * shows][:N],
        stars=[n * n % 7 for n in range(N)],
    )
    extra = extended(items).extra
    steps = [dict(feature.arguments) for feature in extra if feature.kind == "UserLineStep"]
    assert steps == [{"column": "show", "number": "episode", "part": "season"}]


def test_what_has_a_place_of_its_own_is_left_to_it() -> None:
    assert extended(catalogue(language=["de", "en"] * (N // 2))) == FeaturesConfig()


def test_at_most_eight_attributes_become_features() -> None:
    found = names(catalogue(**{f"column {c}": [n % 7 for n in range(N)] for c in range(20)}))
    assert len(found) == 8 + 3
    assert sum(name.endswith("_above") for name in found) == 3


def test_no_two_features_have_the_same_name() -> None:
    same = ["x", "y"] * (N // 2)
    items = catalogue(**{"Main colour": same, "main-colour": same, "Category": same})
    assert names(items) == [
        "user_main_colour_share",
        "main_colour_popularity",
    ]  # `user_category_share` is of this release


def test_what_is_there_again_and_again_is_compared_as_a_whole() -> None:
    weekly = {"title": [f"yoga {n % 10}" for n in range(N)], "weekday": [n % 7 for n in range(N)]}
    items = catalogue(**weekly, date=[f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(N)])
    extra = {one.name: one.arguments for one in extended(items).extra}
    assert "user_alike_share" not in extra, "each is there once, or nearly so"
    items = catalogue(**weekly | {"weekday": [n % 2 for n in range(N)]})
    once = extended(items)
    extra = {one.name: one.arguments for one in once.extra}
    assert extra["user_alike_share"] == {"columns": ("title", "weekday")}
    assert extended(items, once) == once


def test_a_second_training_finds_the_same() -> None:
    items = catalogue(author=[f"author {n % 20}" for n in range(N)])
    once = extended(items)
    assert extended(items, once) == once


def test_a_column_that_the_config_names_is_left_to_it() -> None:
    own = {"name": "mine", "kind": "UserLabelShare", "arguments": {"column": "author"}, "meaning": "mine"}
    config = parse_config({"features": {"extra": [own]}}).features
    items = catalogue(author=[f"author {n % 20}" for n in range(N)])
    assert names(items, config) == ["mine"]


def test_what_the_ranker_is_told_to_do_without_is_not_said_to_be_seen() -> None:
    items, told = catalogue(author=[f"author {n % 20}" for n in range(N)]), list[str]()
    extended(items, FeaturesConfig(exclude=("author_popularity",)), progress=told.append)
    assert told == ["the ranker also sees attributes of the items: user_author_share"]
    extended(items, FeaturesConfig(exclude=("author_popularity", "user_author_share")), progress=told.append)
    assert len(told) == 1


def test_a_mistake_in_the_config_is_told() -> None:
    own = {"name": "hour", "kind": "UserLabelShare", "arguments": {"column": "author"}, "meaning": "taken"}
    with pytest.raises(ConfigError, match="already"):
        extended(catalogue(), parse_config({"features": {"extra": [own]}}).features)
