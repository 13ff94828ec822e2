"""Features of one's own and features left out, by config alone."""

from pathlib import Path

import numpy as np
import pytest
from feature_world import CLICK, DAY, START, make_log, pairs_of

from features.configured import configured, events_not_in_log
from features.declarations import FEATURES
from features.feature_set import FeatureSet
from features.kinds.items import ItemCount, ItemDecayed, ItemPastColumns, ItemVelocity, OfItemPast
from features.kinds.requests import UserCount
from features.state import EventState
from recsys.config import Config, load_config, parse_config
from recsys.errors import ConfigError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def config_of(**features: object) -> Config:
    return parse_config({"features": features})


def extra(**changes: object) -> dict[str, object]:
    table = {"name": "item_clicks_3d", "kind": "ItemCount", "arguments": {"counted": "click", "days": 3}}
    return {**table, "meaning": "clicks in the last three days", **changes}


def test_the_line_of_the_documentation_declares_a_feature(tmp_path: Path) -> None:
    block = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    file = tmp_path / "config.toml"
    file.write_text(block)
    features = configured(load_config(file).features)
    assert features[-1].name == "item_clicks_3d"
    assert len(features) == len(FEATURES) + 1
    state = EventState(make_log([(0, 2, CLICK, START), (1, 2, CLICK, START + 2 * DAY), (1, 2, CLICK, START + 4 * DAY)]))
    pairs = pairs_of(state, [0], [START + 4 * DAY])
    assert FeatureSet((features[-1],)).compute(pairs)[:, 0].tolist() == [0, 0, 1, 0, 0, 0]


def test_a_feature_is_left_out() -> None:
    names = [feature.name for feature in configured(config_of(exclude=["hour", "item_price"]).features)]
    assert names == [f.name for f in FEATURES if f.name not in ("hour", "item_price")]


def test_a_count_without_days_is_of_all_time() -> None:
    feature = configured(config_of(extra=[extra(arguments={"counted": "click"})]).features)[-1]
    state = EventState(make_log([(0, 2, CLICK, START), (1, 2, CLICK, START + 2 * DAY), (1, 2, CLICK, START + 4 * DAY)]))
    pairs = pairs_of(state, [0], [START + 40 * DAY])
    assert FeatureSet((feature,)).compute(pairs)[:, 0].tolist() == [0, 0, 3, 0, 0, 0]


def test_an_event_that_the_log_does_not_have_is_told() -> None:
    rate = extra(
        name="bought", kind="ItemRate", arguments={"prior": 0.1, "strength": 5, "wanted": "buy", "per": "click"}
    )
    impressions = extra(name="seen", arguments={"counted": "impression"})
    config = config_of(extra=[extra(arguments={"counted": "item_acts"}), rate, impressions]).features
    assert events_not_in_log(config, ("click", "purchase")) == [
        "features.extra, 'bought': the log has no event 'buy'; its events are click, purchase"
    ]


def test_an_own_feature_can_be_found_again_by_name() -> None:
    declared = configured(config_of(extra=[extra()]).features)
    assert FeatureSet.named(["item_clicks_3d", "hour"], declared).names == ["item_clicks_3d", "hour"]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"exclude": ["item_pirce"]}, "no feature 'item_pirce'; the nearest is 'item_price'"),
        ({"extra": [extra(kind="ItemCuont")]}, "no kind 'ItemCuont'; the nearest is 'ItemCount'"),
        ({"extra": [extra(name="hour")]}, "there is a feature 'hour' already"),
        ({"extra": [extra(), extra()]}, "there is a feature 'item_clicks_3d' already"),
        ({"extra": [extra(arguments={"days": 3})]}, "arguments of ItemCount: counted"),
        (
            {"extra": [extra(arguments={"counted": "click", "days": 3, "day": 1})]},
            "arguments of ItemCount: no 'day'; it takes counted, days",
        ),
        ({"extra": [extra(arguments={"counted": "click", "days": -1})]}, "looks back"),
        (
            {"extra": [extra(kind="SourceScore", arguments={"source": "asl"})]},
            "arguments of SourceScore: source.*'als'",
        ),
        ({"extra": [extra(kind="Agreement", arguments={"sources": ["als", "eese"]})]}, "sources.1.*'ease'"),
        ({"extra": [extra(kind="Affinity", arguments={"name": "txt", "aggregate": "max"})]}, "name.*'text'"),
        ({"exclude": [feature.name for feature in FEATURES]}, "leaves the ranker no feature"),
        ({"groups": []}, "features.groups: .* at least 1"),
    ],
)
def test_what_cannot_be_says_why(features: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(config_of(**features).features)


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf")])
def test_a_window_that_reaches_the_request_cannot_be_declared(days: float) -> None:
    for declare in (
        lambda: ItemCount("item_acts", days),
        lambda: ItemDecayed("item_acts", days),
        lambda: ItemVelocity("item_acts", days, 7),
        lambda: ItemVelocity("item_acts", 7, days),
        lambda: UserCount(days),
    ):
        with pytest.raises(ConfigError, match="looks back"):
            declare()


def test_every_question_of_the_release_looks_back() -> None:
    asking = [feature.kind for feature in FEATURES if isinstance(feature.kind, OfItemPast)]
    for question in ItemPastColumns(asking, range(len(asking))).questions.all:
        assert question.window is None or question.window > 0
        assert question.measure.half_life >= 0
    assert np.all([feature.scope for feature in FEATURES])
