"""`recsys features`."""

from pathlib import Path

from shop import Run

from features.declarations import FEATURES


def test_the_list_names_all_features_but_the_excluded(run: Run) -> None:
    done = run("features", "list", "--json", "--set", 'features.exclude=["hour"]')
    names = [feature["name"] for feature in done.json["features"]]  # type: ignore[attr-defined]
    assert done.code == 0
    assert names == [feature.name for feature in FEATURES if feature.name != "hour"]
    table = run("features", "list")
    assert all(feature.name in table.out for feature in FEATURES)


def test_one_feature_is_shown_and_for_a_misspelt_one_the_nearest_is_named(run: Run) -> None:
    done = run("features", "show", "item_acts_7d")
    assert (done.code, "ItemCount(counted='item_acts', days=7)" in done.out) == (0, True)
    wrong = run("features", "show", "item_acts_7")
    assert (wrong.code, "the nearest is 'item_acts_7d'" in wrong.err) == (2, True)


def test_what_is_shown_of_a_feature_is_for_its_reader(run: Run) -> None:
    done = run("features", "show", "agreement")
    assert "how: How many of the named sources give the candidate a score above 0" in done.out
    assert "Raises:" not in done.out


def test_a_wrong_name_is_a_wrong_config(run: Run) -> None:
    done = run("features", "list", "--set", 'features.exclude=["huor"]')
    assert (done.code, "the nearest is 'hour'" in done.err) == (2, True)


def test_statistics_are_of_the_columns_that_the_sources_can_fill(run: Run, shop: Path) -> None:
    sources = 'candidates.sources=["transitions", "popular", "history"]'
    done = run("features", "stats", str(shop), "--json", "--set", sources)
    assert done.code == 0
    found = {one["name"]: one for one in done.json["features"]}  # type: ignore[attr-defined]
    assert found["hour"]["coverage"] == 1
    assert found["popular_score"]["drift"] >= 0
    assert "text_score" not in found
    assert run("features", "stats", str(shop), "--set", sources).out.count("\n") > len(found)
