"""Training: nothing sees its future, odd catalogues and odd texts go through, what cannot be trained on says so."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from pipeline_world import market, until

from features.declarations import Feature
from features.feature_set import FeatureSet
from features.kinds.base import Kind
from features.pairs import PairBatch
from recsys.config import Config, load_config, parse_config
from recsys.data.dataset import Dataset
from recsys.data.loading import dataset_from_frames
from recsys.data.log.repeats import repeat_share
from recsys.data.requests.request import Request
from recsys.data.split import TemporalSplit
from recsys.errors import ConfigError, DataError, RecsysError
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.training import steps
from recsys.pipeline.training.feature_report import feature_report
from recsys.pipeline.training.preparing import prepared
from recsys.pipeline.training.train import train
from recsys.policy.policy import Policy
from recsys.rank.rows import RankerRows
from recsys.registry import Registry
from recsys.text.cache import VectorCache

Frames = tuple[pl.DataFrame, pl.DataFrame]
FRESH_PRICE = 999.0


def changed(config: Config, **sections: Mapping[str, object]) -> Config:
    """The config with some keys of some sections changed."""
    tree = config.model_dump(mode="json")
    return parse_config({**tree, **{name: {**tree[name], **keys} for name, keys in sections.items()}})


def test_the_rankers_rows_come_from_sources_that_never_saw_the_window(
    frames: Frames, plain_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that is first wanted in a window: to the sources of that window it is nothing."""
    items, events = frames
    config = changed(plain_config, candidates={"n": 100})  # every item is a candidate
    split = TemporalSplit.of(dataset_from_frames(items, events, config).log, config.data)
    fresh = items.head(1).with_columns(item_id=pl.lit("fresh"), price=pl.lit(FRESH_PRICE))
    in_window = pl.col("timestamp").dt.epoch("us").is_between(split.ranker_start, split.test_start, closed="left")
    lucky = pl.int_range(pl.len()) % 3 == 0
    events = events.with_columns(item_id=pl.when(in_window & lucky).then(pl.lit("fresh")).otherwise("item_id"))
    seen: list[RankerRows] = []
    real = steps.training_rows

    def kept(*arguments: object) -> list[RankerRows]:
        seen.append(RankerRows.joined([*real(*arguments)]))  # type: ignore[arg-type]
        return [seen[-1]]

    monkeypatch.setattr(steps, "training_rows", kept)
    dataset = dataset_from_frames(pl.concat([items, fresh]), events, config)
    assert TemporalSplit.of(dataset.log, config.data) == split
    names = train(dataset, config).features.names
    # The others: as of users of whom nothing is known, under way, asked ahead, and bringing a history or a cart.
    older, _, _, _, _, _, newer, *_ = seen
    assert older.times.max() < split.test_start <= newer.times.min()
    learned = [names.index(name) for name in ("transitions_score", "als_score", "popular_score")]
    of_fresh = [rows.table[:, names.index("item_price")] == FRESH_PRICE for rows in (older, newer)]
    assert older.positive[of_fresh[0]].any(), "the ranker meets it as wanted"
    assert not older.table[of_fresh[0]][:, learned].any(), "its sources did not know it"
    assert older.table[~of_fresh[0]][:, learned].any(axis=0).all()
    assert newer.table[of_fresh[1]][:, names.index("popular_score")].all(), "those of the next window do"


def test_how_good_it_is_is_said_before_the_last_step(early: Dataset, plain_config: Config) -> None:
    told: list[str] = []
    report = train(early, plain_config, progress=told.append).report
    measured = f"measured on {report.n_requests:,} requests: ndcg@10 {report.metrics['ndcg@10']['mean']:.4f} ("
    place = next(place for place, line in enumerate(told) if line.startswith(measured))
    assert any(line.startswith("sources learn from") for line in told[place:])


class Oracle(Kind):
    """A planted leak: whether the item is acted on at the very moment of the request."""

    scope = "user-item"

    def values(self, pairs: PairBatch) -> np.ndarray:  # type: ignore[type-arg]
        return pairs.state.counts("item_acts", pairs.items, pairs.histories.now[pairs.rows] + 1, 1)


def test_a_feature_that_knows_the_label_shows_in_the_figures(
    early: Dataset, plain: Bundle, plain_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Feature("canary", "context", Oracle(), "reads the label")
    real = FeatureSet.choose

    def with_canary(*arguments: object) -> FeatureSet:
        return FeatureSet((*real(*arguments).features, canary))  # type: ignore[arg-type]

    monkeypatch.setattr(FeatureSet, "choose", with_canary)
    leaking = train(early, plain_config).report
    honest, planted = (report.metrics["ndcg@10"] for report in (plain.report, leaking))
    assert planted["low"] > honest["high"] + 0.2  # type: ignore[operator]
    assert next(iter(leaking.importances)) == "canary"


def test_the_same_seed_gives_the_same_version(early: Dataset, plain: Bundle, plain_config: Config) -> None:
    again = train(early, plain_config, name="small world")
    assert again.report.to_json() == plain.report.to_json()
    requests = [Request(user_id=f"user {user}") for user in range(10)]
    for one, other in zip(
        Recommender(plain).recommend_many(requests), Recommender(again).recommend_many(requests), strict=True
    ):
        assert one.ids == other.ids
        np.testing.assert_array_equal(one.scores, other.scores)


def test_windows_of_the_report_are_those_of_the_split(early: Dataset, plain: Bundle, plain_config: Config) -> None:
    split = TemporalSplit.of(early.log, plain_config.data)
    bounds = [(window.start, window.end) for window in plain.report.windows]
    first = int(early.log.times[0])
    assert bounds == [
        (first, split.ranker_start),
        (split.ranker_start, split.test_start),
        (split.test_start, split.end),
    ]
    assert sum(window.n_events for window in plain.report.windows) == len(early.log)


def test_features_can_be_seen_without_a_ranker(early: Dataset, plain: Bundle, plain_config: Config) -> None:
    alone = [(one.name, one.coverage, one.newer_coverage) for one in feature_report(early, plain_config)]
    assert alone == [(one.name, one.coverage, one.newer_coverage) for one in plain.report.features]


def test_auto_is_resolved_by_what_people_do(frames: Frames, plain: Bundle, plain_config: Config) -> None:
    assert plain.config.policy.seen == "keep", "people of the small world come back to items"
    items, events = frames
    once = dataset_from_frames(items, events.unique(["user_id", "item_id"], keep="first"), plain_config)
    assert train(once, plain_config).config.policy.seen == "exclude"
    assert plain.config.cf.half_life_days > 0
    named = changed(plain_config, policy={"seen": "demote"}, cf={"half_life_days": 12.0})
    found = train(once, named).config
    assert (found.policy.seen, found.cf.half_life_days) == ("demote", 12)


def test_auto_is_not_resolved_by_what_is_measured(frames: Frames, plain_config: Config) -> None:
    """Nobody came back to an item before the newest sixth, in which everybody does."""
    items, events = frames
    once = events.unique(["user_id", "item_id"], keep="first").sort("timestamp")
    again = once.tail(once.height // 6).with_columns(pl.col("timestamp") + pl.duration(days=30))
    dataset = dataset_from_frames(items, pl.concat([once, again]), plain_config)
    assert repeat_share(dataset.log) > 0.1
    assert train(dataset, plain_config).config.policy.seen == "exclude"


ODD_TEXTS = (
    "",
    "word " * 10_000,
    "手冲咖啡壶，适合喜欢慢生活的人",
    "كتاب عن تاريخ القهوة",
    "☕️🌱📚 👩‍👩‍👧‍👦",
    "<b>Bold</b> &amp; <script>alert('x')</script>",
    "\u0000\u200b\ufffd",
    "' OR 1=1; --",
)


def reading(config: Config) -> Config:
    """Text and little else."""
    sections = {"candidates": {"sources": ["text", "popular"]}, "ranker": {"ablation": False, "trees": 5}}
    return changed(config, text={"budget_minutes": 0.01}, **sections)


def test_odd_texts_go_through_training_and_lists(frames: Frames, quick_config: Config) -> None:
    items, events = frames
    texts = [ODD_TEXTS[place % len(ODD_TEXTS)] for place in range(items.height)]
    titles = pl.Series([text or "<br>" for text in texts])  # a title is required, but need not say anything
    odd = items.with_columns(title=titles, description=pl.Series(texts[::-1])).drop("category", "brand")
    config = reading(quick_config)
    recommender = Recommender(train(dataset_from_frames(odd, events, config), config))
    queries = [Request(user_id="user 1", context={"query": text}, request_id=text[:9]) for text in ODD_TEXTS]
    for found in recommender.recommend_many(queries, explain=True):
        assert len(found) == 10
        assert np.isfinite(found.scores).all()
        assert all(one.reasons for one in found.explain())


def test_items_that_say_nothing_at_all(frames: Frames, quick_config: Config) -> None:
    items, events = frames
    config = reading(quick_config)
    bundle = train(dataset_from_frames(items.select("item_id", title=pl.lit("<br>")), events, config), config)
    assert set(bundle.catalogue.texts) == {""}
    found = Recommender(bundle).recommend(Request(user_id="user 1"), explain=True)
    assert len(found) == 10
    assert np.isfinite(found.scores).all()


def test_a_catalogue_with_one_item_has_nothing_to_rank(frames: Frames, plain_config: Config) -> None:
    items, events = frames
    one = items.head(1)
    dataset = dataset_from_frames(one, events.with_columns(item_id=pl.lit(one["item_id"][0])), plain_config)
    with pytest.raises(DataError, match="every item that could be listed was wanted"):
        train(dataset, plain_config)


def test_a_group_without_which_nothing_is_left_to_learn_is_not_measured(frames: Frames, plain_config: Config) -> None:
    """Without popularity's candidates only wanted rows would remain; the version is none the worse for that."""
    config = changed(plain_config, candidates={"sources": ["popular"], "n": 300}, ranker={"ablation": True})
    bundle = train(dataset_from_frames(*frames, config), config)
    assert set(bundle.rankers.without) == {"text", "collaborative"}


def test_impressions_alone_are_not_positive(frames: Frames, plain_config: Config) -> None:
    items, events = frames
    shown = dataset_from_frames(items, events.with_columns(event=pl.lit("impression")), plain_config)
    with pytest.raises(DataError, match="positive events at 0 distinct times"):
        train(shown, plain_config)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ({"available": pl.lit(False)}, "none of the items is available (column available)"),
        ({"created_at": pl.lit("2024-12-31")}, "could be listed then: all were created later (column created_at)"),
        ({"available_until": pl.lit("2020-01-01")}, "could be listed then: none was there (available_until)"),
    ],
)
def test_nothing_that_was_wanted_could_be_listed(
    frames: Frames, plain_config: Config, items: dict[str, pl.Expr], reason: str
) -> None:
    dataset = dataset_from_frames(frames[0].with_columns(**items), frames[1], plain_config)
    with pytest.raises(DataError, match=re.escape(reason)):
        train(dataset, plain_config)


def test_what_is_not_available_today_teaches_and_is_measured_but_is_in_no_list(
    frames: Frames, plain_config: Config
) -> None:
    items, events = frames
    left = items["item_id"][:3].to_list()
    gone = items.with_columns(available=pl.col("item_id").is_in(left))
    before, after = (train(dataset_from_frames(one, events, plain_config), plain_config) for one in (items, gone))
    assert after.report.n_requests >= before.report.n_requests, "nothing is left out as not available"
    assert after.report.metrics["ndcg@10"]["mean"] == pytest.approx(before.report.metrics["ndcg@10"]["mean"], abs=0.05)
    assert any("27 items are not available today" in line for line in after.report.caveats)
    found = Recommender(after).recommend(Request(events["user_id"][0], n=10))
    assert set(found.ids) <= set(left)


def test_what_is_gone_since_a_known_moment_could_be_listed_only_before(
    frames: Frames, plain_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, events = frames
    last = events.group_by("item_id").agg(available_until=pl.col("timestamp").max()).sort("item_id")
    gone = items.join(last[3:], on="item_id", how="left").with_columns(available=pl.col("available_until").is_null())
    looked_at: list[NDArray[np.bool_]] = []
    eligible = Scoring.eligible

    def noted(scoring: Scoring, policies: Sequence[Policy], now: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = eligible(scoring, policies, now)
        looked_at.append(found[scoring.catalogue.gone < now[:, None]])
        return found

    monkeypatch.setattr(Scoring, "eligible", noted)
    report = train(dataset_from_frames(gone, events, plain_config), plain_config).report
    assert report.n_requests, "an item may be gone by being chosen"
    assert not any("not available today" in line for line in report.caveats), "it is known since when"
    assert not np.concatenate([block.ravel() for block in looked_at]).any()


def test_columns_of_ones_own_are_seen_by_the_ranker_also_of_a_loaded_version(
    frames: Frames, plain_config: Config, tmp_path: Path
) -> None:
    items, events = frames
    number = pl.int_range(pl.len())
    items = items.with_columns(maker=pl.format("maker {}", number % 5), shelf=pl.format("shelf {}", number % 7))
    config = changed(plain_config, features={"exclude": ["user_shelf_share"]})
    registry = Registry(tmp_path / "registry")
    registry.publish(train(dataset_from_frames(items, events, config), config))
    served = Bundle.load(registry)
    assert "user_maker_share" in served.rankers.full.names
    assert "user_shelf_share" not in served.rankers.full.names
    assert len(Recommender(served).recommend(Request(events["user_id"][0], n=5)).ids) == 5


def test_a_log_with_interest_at_fewer_than_three_times_is_refused(frames: Frames, plain_config: Config) -> None:
    items, events = frames
    with pytest.raises(DataError, match="three are needed"):
        train(dataset_from_frames(items, events.head(2), plain_config), plain_config)


@pytest.mark.parametrize(
    "rule",
    [
        'policy.caps={"nothing"=2}',
        "policy.boosts=[{where={price={foo=3}},add=1}]",
        "policy.boosts=[{where={title={lt=3}},add=1}]",
        'policy.quotas=[{where={nothing="x"},at_least=2}]',
    ],
)
def test_rules_that_no_list_can_keep_are_found_at_once(
    early: Dataset, plain_settings: tuple[str, ...], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.pipeline.training.train.TrainingSteps", None)  # nothing is trained
    with pytest.raises(ConfigError, match=rf"policy\.{rule[7:10]}"):
        train(early, load_config(None, (*plain_settings, rule)))


def test_rules_that_concern_no_item_are_reported(early: Dataset, plain_settings: tuple[str, ...]) -> None:
    rules = (
        "policy.pins={coffee-0-small=1,cofee-1-small=2}",
        'policy.quotas=[{where={category="coffee"},at_least=2},{where={category="cofee"},at_least=2}]',
        "policy.boosts=[{where={price={lt=-1}},add=1},{where={price={lt=100}},add=1}]",
    )
    told: list[str] = []
    prepared(early, load_config(None, (*plain_settings, *rules)), told.append)
    assert [line for line in told if line.startswith("policy.")] == [
        "policy.boosts: no item meets {'price': {'lt': -1}}; is it misspelt?",
        "policy.quotas: no item meets {'category': 'cofee'}; is it misspelt?",
        "policy.pins: the catalogue has no item 'cofee-1-small'; is it misspelt?",
    ]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (("ranker.debias=true",), DataError, "the ranker's window has none"),
        (('candidates.sources=["popular", "text"]', "text.encoder=./nowhere"), ConfigError, "nowhere does not exist"),
    ],
)
def test_what_is_missing_for_a_setting_is_found_at_once(
    early: Dataset,
    plain_settings: tuple[str, ...],
    settings: tuple[str, ...],
    error: type[RecsysError],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recsys.pipeline.training.train.TrainingSteps", None)  # nothing is trained
    with pytest.raises(error, match=message):
        train(early, load_config(None, (*plain_settings, *settings)))


def test_groups_that_no_source_fills_are_reported(early: Dataset, plain_settings: tuple[str, ...]) -> None:
    settings = ('features.groups=["collaborative"]', 'features.exclude=["agreement"]', 'candidates.sources=["popular"]')
    with pytest.raises(ConfigError, match=r"features\.groups: these sources fill no feature of collaborative"):
        train(early, load_config(None, (*plain_settings, *settings)))


def test_impressions_teach_the_ranker_what_was_left_alone(frames: Frames, plain_config: Config) -> None:
    items, events = frames
    events = until(events, 20).with_columns(request_id=pl.format("r{}", pl.int_range(pl.len())))
    ids = items["item_id"]
    shown = [
        events.with_columns(item_id=pl.Series(ids.sample(events.height, with_replacement=True, seed=seed)))
        for seed in range(3)
    ]
    logged = pl.concat([frame.with_columns(event=pl.lit("impression")) for frame in shown] + [events])
    report = train(dataset_from_frames(items, logged, plain_config), plain_config).report
    assert not any("does not say what was shown" in caveat for caveat in report.caveats)
    assert "impression" in report.facts["events"]


def test_probabilities_are_those_of_candidates_where_the_sources_miss_what_was_shown(plain_config: Config) -> None:
    """What was shown joins the ranker's rows; lists that are asked for are made of candidates alone."""
    items, events = market(n_users=60, days=30)
    events = events.with_columns(request_id=pl.format("r{}", pl.int_range(pl.len())))
    logged = pl.concat([events.with_columns(event=pl.lit("impression")), events])
    config = changed(plain_config, candidates={"n": 6, "sources": ["popular"]})
    report = train(dataset_from_frames(items, logged, config), config).report
    assert report.candidates is not None
    assert report.candidates.merged < 0.6
    assert report.calibration["p_click"].ratio < 1.8


def test_lists_that_nobody_chose_from_count_in_probabilities(plain_config: Config) -> None:
    """Of lists of which one in three is answered a third is expected, and the report agrees."""
    items, events = market(n_users=60, days=30)
    answered = events.with_columns(request_id=pl.format("r{}", pl.int_range(pl.len())))
    lists = [answered] + [
        answered.with_columns(
            pl.col("timestamp").dt.offset_by(f"{hours}h"), request_id=pl.col("request_id") + f"-{hours}"
        )
        for hours in (2, 4)
    ]
    promised = {}
    for name, shown in (("answered", lists[:1]), ("all", lists)):
        logged = pl.concat([*(one.with_columns(event=pl.lit("impression")) for one in shown), answered])
        bundle = train(dataset_from_frames(items, logged, plain_config), plain_config)
        assert 0.6 < bundle.report.calibration["p_click"].ratio < 1.6
        found = Recommender(bundle).recommend(Request("user 1", n=10))
        promised[name] = found.p_click.sum()
    assert promised["all"] == pytest.approx(promised["answered"] / 3, rel=0.2)


def test_vectors_of_texts_are_kept_for_the_next_training(world: Dataset, quick_config: Config, tmp_path: Path) -> None:
    """Also in a cache that is empty at first."""
    cache = VectorCache(tmp_path / "vectors.sqlite")
    train(world, quick_config, cache=cache)
    assert cache.count() >= len(world.catalogue)
