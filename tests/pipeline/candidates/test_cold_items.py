"""Items that nobody has chosen yet: who lends to them, and how a ranker learns what they are worth."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pipeline_world import AFTER, DAY, PURCHASE, click, make_log, past_of

from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.items.item_changes import ItemChange, change_items
from recsys.data.log.history import HistoryBatch
from recsys.data.requests.request import Request
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.request_block import RequestBlock
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.past.requests import PastRequests
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.recommend import Recommender
from recsys.pipeline.recommender.user_lookup import history_of
from recsys.pipeline.training.item_dropout import ALWAYS_MET, NEVER_MET, ItemDropout, moments_met
from recsys.pipeline.training.rows import UnseenWindow, training_rows
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training_run import TrainingRun
from recsys.policy.policy import Policy
from recsys.rank.rows import RankerRows

NEW = ItemChange("fresh", '{"item_id": "fresh", "title": "espresso beans from Ethiopia, freshly roasted"}')


def test_a_share_of_the_items_has_no_past() -> None:
    log = make_log([(0, item, PURCHASE, day * DAY, -1) for item in range(200) for day in (1, 2, 3)], n_items=200)
    dropout = ItemDropout.draw(200, seed=1)
    changed = dropout.hide_past(log, 2 * DAY)
    past, later = changed.before(2 * DAY), changed.after(2 * DAY - 1)
    assert len(later) == 400
    assert 160 < len(np.unique(past.items)) < 198
    assert np.array_equal(np.unique(past.items), np.flatnonzero(~dropout.dropped))
    assert np.array_equal(ItemDropout.draw(200, seed=1).dropped, dropout.dropped)
    assert not np.array_equal(ItemDropout.draw(200, seed=2).dropped, dropout.dropped)


def test_an_item_is_met_at_its_first_event() -> None:
    log = make_log([(n % 4, 7 - n % 7, PURCHASE, n * DAY, -1) for n in range(40)])
    assert moments_met(log).tolist() == [NEVER_MET, *(n * DAY for n in range(6, -1, -1))]


def test_items_of_which_nobody_knows_what_they_are_worth_give_no_row(plain: Bundle, early: Dataset) -> None:
    requests = PastRequests.of(early.log, int(early.log.times[-30]), int(early.log.times[-1]) + 1)
    window = UnseenWindow(past_of(plain, early), plain.features, int(early.log.times[-30]))
    always = np.full(len(early.catalogue), ALWAYS_MET)
    every = RankerRows.joined([*training_rows(window, requests, 4.0, print, always)])
    met = np.where(np.arange(len(early.catalogue)) % 2 == 0, requests.times[-1], requests.times[0] - 1)
    some = RankerRows.joined([*training_rows(window, requests, 4.0, print, met)])
    assert 0 < len(some.gains) < len(every.gains)
    assert some.sizes.max() <= len(early.catalogue) // 2 < every.sizes.max()
    assert some.positive.sum() < every.positive.sum()
    ranks = some.table[:, plain.features.names.index("popular_rank")]
    assert ranks.max() > some.sizes.max(), "places are those among all candidates, as in lists"
    assert every.covered == 1
    assert len(some.missed) == every.n_requests - some.n_requests, "of which probabilities must know"


def test_what_is_known_afterwards_only_teaches_nothing(
    plain: Bundle, early: Dataset, plain_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments before an item was met give no row of it, unless its past is hidden; nor do items that nobody met. Of
    users of whom nothing is known all items give rows, but for those whose past is hidden."""
    asked: list[tuple[PastRequests, np.ndarray]] = []

    def noted(window: UnseenWindow, requests: PastRequests, *arguments: object) -> Iterator[RankerRows]:
        asked.append((requests, arguments[-1]))  # type: ignore[arg-type]
        return training_rows(window, requests, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("recsys.pipeline.training.steps.training_rows", noted)
    steps = TrainingSteps(early, plain_config, EventState(early.log), TrainingRun())
    past = past_of(plain, early)
    start = int(early.log.times[-60])
    requests, dropped = steps.requests_in(start, AFTER), np.arange(len(early.catalogue)) == 3
    rows = steps.rows(UnseenWindow(past, plain.features, start, dropped), requests)
    (every, met), (newcomers, known), (carts, _), (ahead, of_ahead) = asked
    assert every is requests
    assert met[3] == ALWAYS_MET
    assert np.array_equal(np.delete(met, 3), np.delete(moments_met(early.log), 3))
    assert known.tolist() == [ALWAYS_MET] * 3 + [NEVER_MET] + [ALWAYS_MET] * (len(early.catalogue) - 4)
    assert len(newcomers) == -(-len(requests) // 10)
    assert not len(carts), "histories teach enough"
    assert len(ahead) == -(-len(requests) // 4)
    assert (ahead.times > start).all()
    assert of_ahead is met
    assert set(newcomers.users) == {-1}
    assert (rows.table[:, plain.features.names.index("user_acts")] == 0).any()


@pytest.fixture(scope="module", params=[10_000, 0], ids=["exact", "indexed"])
def sources(request: pytest.FixtureRequest, world: Dataset, quick_config: Config) -> Sources:
    """Sources that saw no event of two items."""
    log = world.log.select(~np.isin(world.log.items, unlearned(world)))
    config = quick_config.changed(candidates={"exact_items": request.param})
    return SourceFitting(world.catalogue, None, config).fit(log, 0.0, None)


def unlearned(world: Dataset) -> np.ndarray:
    return world.catalogue.vocabulary.numbers(["coffee-0-small", "books-1-large"])


def asked_after(world: Dataset, items: Sequence[str]) -> RequestBlock:
    """One request, without rules, of somebody who has bought these items."""
    numbers = world.catalogue.vocabulary.numbers(items)
    n = len(numbers)
    times = AFTER - DAY * np.arange(n, 0, -1)
    weights, events = np.full(n, 4.0, dtype=np.float32), np.zeros(n, dtype=np.int8)
    now = np.array([AFTER])
    histories = HistoryBatch(np.array([0, n]), numbers, events, times, weights, now)
    eligible = np.ones((1, len(world.catalogue)), dtype=bool)
    nobody = np.array([-1], dtype=np.int32)
    return RequestBlock(nobody, histories, histories, eligible, (Policy(()),), (None,), nobody, now, now)


def test_what_is_bought_is_the_strongest_event_of_the_whole_log(
    plain: Bundle, early: Dataset, plain_config: Config
) -> None:
    steps = TrainingSteps(early, plain_config, EventState(early.log), TrainingRun())
    past = past_of(plain, early)
    weak = steps.with_log(early.log.select(early.log.weights < early.log.weights.max()))
    start = int(early.log.times[-300])
    window = UnseenWindow(past, plain.features, start)
    bought = [one.rows(window, one.requests_in(start, AFTER)).bought for one in (steps, weak)]
    assert [rows.any() for rows in bought] == [True, False]


def test_models_lend_to_what_they_have_not_seen(world: Dataset, sources: Sources, tmp_path: Path) -> None:
    asked = asked_after(world, ["coffee-0-large", "coffee-1-small"])
    beans, poems = unlearned(world)
    sources.save(tmp_path)
    for one in (sources, Sources.load(tmp_path, sources.names)):
        rows, items = np.zeros(2, dtype=np.int64), np.array([beans, poems], dtype=np.int32)
        for source in set(one.names) - {*one.live}:
            scores = one.scores_of(source, asked)
            for_beans, for_poems = scores.of(rows, items)
            lends = source not in ("popular", "rhythm", "season", "history")
            if lends:
                assert for_beans > for_poems, source
            else:
                assert (for_beans, for_poems) == (0.0, 0.0)
            everything = np.ones((1, len(world.catalogue)), dtype=bool)
            assert (beans in scores.best(everything, 30)) == lends, source
            everything[0, beans] = False
            assert beans not in scores.best(everything, 30)


def test_what_a_new_item_lacks_is_guessed(world: Dataset, sources: Sources) -> None:
    n = len(world.catalogue)
    sources = sources.updated(
        n, n + 1, np.array([n], dtype=np.int32), ["large espresso beans, for people who love coffee"]
    )
    facts = sources.facts(change_items(world.catalogue, [NEW])[0])
    coffee = world.catalogue.vocabulary.number("coffee-0-large")
    assert facts.categories[n] == facts.categories[coffee]
    assert facts.brands[n] in facts.brands[:n]
    assert 5 <= facts.prices[n] <= 20
    assert np.isnan(facts.created[n])


def test_a_new_item_is_wanted_by_those_who_like_what_it_is_about(recommender: Recommender) -> None:
    recommender = recommender.with_scoring(recommender.scoring.updated([NEW]))
    shelves = {
        taste: [f"{taste}-{kind}-{size}" for kind in range(3) for size in ("small", "large")]
        for taste in ("coffee", "books", "garden")
    }
    recommender.observe(
        [
            click(taste, item, AFTER + n, event="purchase")
            for taste, own in shelves.items()
            for n, item in enumerate(own)
        ]
    )
    places = {taste: recommender.recommend(Request(taste, n=30)).ids.index("fresh") for taste in shelves}
    assert places["coffee"] < 10, places  # there are nine available things for coffee
    assert places["coffee"] < min(places["books"], places["garden"]), places


def test_an_older_catalogue_knows_nothing_of_a_newer_item(recommender: Recommender) -> None:
    newer = recommender.with_scoring(recommender.scoring.updated([NEW]))
    newer.observe([click("user 0", "fresh", AFTER)])
    assert history_of(newer, "user 0")[-1][0] == "fresh"
    assert history_of(recommender, "user 0") == history_of(newer, "user 0")[:-1]
    assert "fresh" not in recommender.recommend(Request("user 0", n=30)).ids
