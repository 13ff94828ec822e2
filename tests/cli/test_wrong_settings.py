"""Flags and settings that cannot be: exit code 2, with what is wrong, where, and what to do."""

from pathlib import Path

import pytest
from shop import Run

from recsys.config import load_config


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "2147483648", "many"])
@pytest.mark.parametrize("verb", [("train", "--registry", "reg"), ("simulate",)])
def test_a_seed_that_no_library_takes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...], seed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*verb, "shop", "--seed", seed)
    assert outcome.code == 2
    assert "argument --seed" in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["abc", "1.5", "ten", "", "9" * 5_000])
@pytest.mark.parametrize(
    ("verb", "flag"),
    [
        *((("train", "shop", "--registry", "reg"), flag) for flag in ("--tune", "--seed", "--workers")),
        *((("serve", "--registry", "reg"), flag) for flag in ("--port", "--workers")),
        *((("simulate", "shop"), flag) for flag in ("--weeks", "--turn")),
    ],
)
def test_what_is_no_whole_number_is_reported_in_the_words_of_users(
    run: Run, verb: tuple[str, ...], flag: str, number: str
) -> None:
    outcome = run(*verb, flag, number)
    assert outcome.code == 2
    assert f"argument {flag}: {number[:80]!r} is not a whole number; write one, such as 10\n" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "--user", ""), "argument --user: must not be blank"),
        (("explain", "--user", " "), "argument --user: must not be blank"),
        (("explain", "--user", "u1", "--item", ""), "argument --item: must not be blank"),
        (("models", "push", ""), "argument URL: '' names no folder of a registry"),
        (("models", "pull", "/"), "argument URL: '/' names no folder of a registry"),
        (("models", "rollback", "--why", ""), "argument --why: must not be empty"),
    ],
)
def test_what_is_blank_as_of_a_variable_that_is_not_set_is_wrong_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*words, "--registry", "reg")
    assert outcome.code == 2
    assert said in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["0", "-3"])
def test_fewer_trials_than_one_are_wrong_usage(run: Run, number: str) -> None:
    outcome = run("train", "shop", "--registry", "reg", f"--tune={number}")
    assert outcome.code == 2
    assert f"argument --tune: {number} is too few; write 1 or more\n" in outcome.err


@pytest.mark.parametrize(("value", "got"), [("often", "'often'"), ("2", "2"), ("true", "True")])
def test_a_key_that_takes_a_word_or_a_number_is_reported_once(run: Run, value: str, got: str) -> None:
    outcome = run("features", "list", "--set", f"policy.discovery={value}")
    assert outcome.code == 2
    assert f"config: policy.discovery: write auto, or a number from 0 to 1 (got {got})\n" in outcome.err


def test_a_config_that_is_a_folder_is_named(run: Run, tmp_path: Path) -> None:
    outcome = run("features", "list", "--config", tmp_path)
    assert outcome.code == 2
    assert f"config file {tmp_path} cannot be read" in outcome.err


@pytest.mark.parametrize(
    "setting",
    [
        *("features.groups=[]", "candidates.sources=[]", "cf.factors=100000", "ranker.leaves=200000"),
        *("events.weights={click=inf}", "events.weights={click=-1}", "events.min_value={rating=nan}"),
        *("events.default_weight=inf", "text.learning_rate=inf", "events.weights={impression=1}"),
        *("events.weights={click=1e39}", "events.default_weight=1e39", "ranker.negatives=99999999999999999999"),
        *("data.max_history=99999999999999999999", 'candidates.sources=["als","als"]'),
        *("ranker.trees=true", 'text.epochs="2"', "ranker.debias=1", "ranker.ablation=yes", "candidates.n=300.0"),
        *("data.max_rejected=true", "text.encoder=5"),
        *("cf.alpha=1e308", "cf.alpha=1e-300", "cf.regularization=1e308", "cf.half_life_days=1e308"),
        *("ranker.learning_rate=1e308", "cf.ease_regularization=1e308", "text.budget_minutes=1e308"),
        "serving.list_days=1e9",  # their oldest date would lie before the year 1
    ],
)
def test_a_setting_out_of_its_bounds_is_named(run: Run, setting: str) -> None:
    outcome = run("features", "list", "--set", setting)
    assert outcome.code == 2
    assert f"config: {setting.partition('=')[0]}" in outcome.err


@pytest.mark.parametrize("setting", ["data.max_rejected=.05", "ranker.ablation=False", "events.weights={click=2}"])
def test_a_setting_as_people_write_it(run: Run, setting: str) -> None:
    assert run("features", "list", "--set", setting).code == 0


@pytest.mark.parametrize("value", ["[als,popular]", '["als"', "{brand=x y}"])
def test_how_to_write_a_list_is_said_where_the_shell_took_its_quotes(run: Run, value: str) -> None:
    outcome = run("features", "list", "--set", f"candidates.sources={value}")
    assert outcome.code == 2
    assert """all of it from the shell: --set 'candidates.sources=["als", "popular"]'""" in outcome.err


def test_one_set_sets_one_key(run: Run) -> None:
    outcome = run("features", "list", "--set", "policy.seen='keep'\npolicy.diversity=0.5")
    assert outcome.code == 2
    assert "give one key at a time" in outcome.err


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(('"add to cart"', "add to cart"), ("'v2.view'", "v2.view"), ("add to cart", "add to cart")),
        *(("view", "view"), ('"', '"'), ("#", "#")),
    ],
)
def test_names_in_a_key_are_quoted_as_in_toml(key: str, name: str) -> None:
    assert load_config(None, [f"events.weights.{key}=2"]).events.weights == {"impression": 0.0, name: 2.0}


def test_what_follows_from_another_fault_is_not_reported(run: Run) -> None:
    outcome = run("features", "list", "--set", 'candidates.sources=["foo"]')
    assert (outcome.code, outcome.err.count("candidates.sources")) == (2, 1)


def test_a_setting_that_the_verb_does_not_read_is_named(run: Run, tiny_dataset_dir: Path) -> None:
    outcome = run("data", "check", tiny_dataset_dir, "--set", "text.epochs=2", "--set", "data.max_rejected=0.5")
    assert outcome.code == 0
    assert "--set text.epochs=2: changes nothing here; what is read is data., events., privacy." in outcome.err
    assert "--set data.max_rejected" not in outcome.err


@pytest.mark.parametrize("share", ["0", "0.9", "1"])
def test_windows_that_leave_nothing(run: Run, share: str) -> None:
    outcome = run("features", "list", "--set", f"data.test_fraction={share}")
    assert outcome.code == 2
    assert "test_fraction and ranker_fraction must be above 0, and below 1 together" in outcome.err


def test_a_simulation_needs_a_folder_and_two_items(run: Run, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,red lamp\n")
    outcome = run("simulate", tmp_path, "--work", tmp_path / "items.csv")
    assert outcome.code == 2, outcome.err
    assert f"--work {tmp_path / 'items.csv'} is no folder" in outcome.err
    outcome = run("simulate", tmp_path, "--work", tmp_path / "work")
    assert outcome.code == 3, outcome.err
    assert "items: 1, different words in their texts: 2" in outcome.err


@pytest.mark.parametrize("name", ["registry", "frozen", "store.db"])
def test_a_simulation_needs_a_folder_without_another(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,red lamp\n")
    (tmp_path / "work" / name).mkdir(parents=True)
    outcome = run("simulate", tmp_path, "--work", tmp_path / "work")
    assert outcome.code == 2, outcome.err
    assert f"holds {name} of an earlier simulation; remove the folder, or name another" in outcome.err


def test_a_config_file_may_begin_with_a_byte_order_mark(run: Run, tmp_path: Path) -> None:
    """As Windows' editors write it."""
    (tmp_path / "shop.toml").write_bytes(b'\xef\xbb\xbf[features]\r\nexclude = ["hour"]\r\n')
    outcome = run("features", "list", "--config", tmp_path / "shop.toml", "--json")
    assert outcome.code == 0
    assert "hour" not in {feature["name"] for feature in outcome.json["features"]}
