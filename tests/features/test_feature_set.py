"""The declarations as a whole, and the choice of features for a version."""

from collections import Counter
from typing import get_args

import pytest

from features.declarations import FEATURES, Feature
from features.feature_set import FeatureSet
from features.kinds.base import UNEQUAL_WEIGHTS
from recsys.config import FeatureGroup
from recsys.errors import BundleError

GROUPS = get_args(FeatureGroup)


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(feature.name for feature in FEATURES).items() if count > 1] == []


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_means(feature: Feature) -> None:
    assert feature.meaning.strip()
    assert feature.name.isidentifier()


def test_every_group_is_filled_and_there_are_sixty_features() -> None:
    assert {feature.group for feature in FEATURES} == set(GROUPS)
    assert len(FEATURES) >= 60


def test_choose_keeps_what_the_sources_can_fill() -> None:
    assert FeatureSet.choose(GROUPS, ()).names == [f.name for f in FEATURES if f.needs is None]
    chosen = FeatureSet.choose(("text", "collaborative"), {"als", "text"})
    assert set(chosen.groups) == {"text", "collaborative"}
    assert {f.needs for f in chosen.features} == {None, "als", "text"}
    assert FeatureSet.choose((), {"als"}).features == ()


def test_shares_of_worth_are_chosen_where_acts_are_not_all_worth_the_same() -> None:
    chosen = FeatureSet.choose(GROUPS, {UNEQUAL_WEIGHTS}).names
    assert {*chosen} - {*FeatureSet.choose(GROUPS, ()).names} == {
        *("user_category_worth", "user_brand_worth", "user_tag_worth")
    }


def test_named_keeps_the_order_given() -> None:
    names = ["hour", "text_last", "item_acts_7d"]
    assert FeatureSet.named(names).names == names


def test_named_refuses_an_unknown_feature() -> None:
    with pytest.raises(BundleError, match="does not know the features no_such"):
        FeatureSet.named(["hour", "no_such"])


@pytest.mark.parametrize("group", GROUPS)
def test_without_a_group_all_others_stay(group: FeatureGroup) -> None:
    everything = FeatureSet(FEATURES)
    rest = everything.without(group)
    assert set(rest.groups) == set(GROUPS) - {group}
    assert rest.names == [f.name for f in FEATURES if f.group != group]
