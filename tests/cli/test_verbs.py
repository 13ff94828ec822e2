"""Every verb on a small world, end to end, as people type them."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from rich.text import Text
from shop import Run

from recsys.cli.retrain import interval
from recsys.data.events.event import Event
from recsys.pipeline.offline.published import PublishedVersion
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import Registry
from recsys.store import open_store

METRICS = {
    *("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "map@10"),
    *("coverage@10", "novelty@10", "diversity@10", "auc"),
}
SETTINGS = (
    *("--set", "text.peft=none", "--set", "text.budget_minutes=0.05", "--set", "text.max_tokens=16"),
    *(
        "--set",
        "cf.factors=8",
        "--set",
        "cf.iterations=5",
        "--set",
        "ranker.trees=10",
        "--set",
        "ranker.ablation=false",
    ),
)


@pytest.fixture
def registry(trained_registry: Path, tmp_path: Path) -> Path:
    """A copy of the trained registry that a test may change."""
    return Path(shutil.copytree(trained_registry, tmp_path / "registry"))


def test_train_until_publishes_what_was_known_then(run: Run, tiny_dataset_dir: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    outcome = run(
        "train", tiny_dataset_dir, "--registry", registry, "--until", "2024-04-20", "--seed", "3", "--json", *SETTINGS
    )
    assert outcome.code == 0, outcome.err
    answer = outcome.json
    opened = Registry(registry)
    assert opened.current() == answer["version"] == answer["report"]["version"]
    manifest = opened.manifest(answer["version"])
    assert manifest.data.n_events == answer["n_events"] < pl.read_parquet(tiny_dataset_dir / "events.parquet").height
    assert manifest.config["ranker"]["trees"] == 10

    newer = run("evaluate", tiny_dataset_dir, "--registry", registry, "--json")
    assert newer.code == 0, newer.err
    assert newer.json["n_requests"] > 0
    assert newer.json["version"] == answer["version"]


def test_evaluate_prints_a_table_and_writes_a_page(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    outcome = run("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--report", page)
    assert outcome.code == 0, outcome.err
    for word in ("full pipeline", "popularity", "without text", "ndcg@10"):
        assert word in outcome.out
    table, _, below = outcome.out.partition("% of the lists of 10 hold an item that the user then wanted")
    assert "full pipeline" in table
    assert "best simpler ranking" in below, "what the figures say, below them"
    assert page.read_text().startswith("<!doctype html>")


def test_evaluate_json_keeps_its_contract(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path
) -> None:
    requests = tmp_path / "requests.jsonl"
    rows = [
        {"request_id": "a", "history": ["coffee-0-small"], "target": "coffee-1-large"},
        {"request_id": "b", "user_id": "user 4", "target": ["garden-0-small", "garden-1-small"]},
    ]
    requests.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    outcome = run("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--requests", requests, "--json")
    assert outcome.code == 0, outcome.err
    answer = outcome.json
    assert answer["n_requests"] == 2
    assert set(answer["metrics"]) >= METRICS
    for metrics in (answer["metrics"], *answer["baselines"].values(), *answer["ablation"].values()):
        assert set(metrics["ndcg@10"]) == {"mean", "low", "high"}
    assert set(answer) >= {"version", "n_requests", "metrics", "baselines", "ablation", "slices"}


def test_rank_says_that_a_version_without_text_reads_no_query(
    run: Run, tiny_dataset_dir: Path, plain_settings: tuple[str, ...], tmp_path: Path
) -> None:
    settings = [word for setting in plain_settings for word in ("--set", setting)]
    assert run("train", tiny_dataset_dir, "--registry", tmp_path / "reg", *settings).code == 0
    requests, out = tmp_path / "requests.jsonl", tmp_path / "lists.parquet"
    requests.write_text(
        '{"request_id": "a", "context": {"query": "poetry"}}\n{"request_id": "b", "context": {"query": ""}}\n'
    )
    outcome = run("rank", "--registry", tmp_path / "reg", "--requests", requests, "--out", out)
    assert outcome.code == 0
    assert "1 query is not read: the version was trained without text" in outcome.err


def test_rank_writes_as_many_rows_a_user_as_were_asked_for(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", trained_registry, "--users", "all", "-n", 3, "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    lists = pl.read_parquet(out)
    assert outcome.json["rows"] == lists.height == 60 * 3
    assert lists.columns == [
        *("request_id", "user_id", "rank", "item_id", "score", "p_click", "p_purchase", "sources", "model_version")
    ]
    assert lists["rank"].to_list() == [1, 2, 3] * 60
    assert not list(tmp_path.glob("lists.parquet.*"))


@pytest.mark.parametrize("to_a_url", [False, True])
def test_two_runs_to_one_place_do_not_mix(
    run: Run, trained_registry: Path, tmp_path: Path, to_a_url: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, codes = tmp_path / "lists.parquet", []
    ranking = ("rank", "--registry", trained_registry, "--users", "all", "--out", f"file://{out}" if to_a_url else out)
    of = PublishedVersion.of

    def begin_another(*arguments: Any) -> PublishedVersion:
        published = of(*arguments)
        if not codes:
            codes.append(-1)
            codes.append(run(*ranking).code)
        return published

    monkeypatch.setattr(PublishedVersion, "of", begin_another)
    outcome = run(*ranking)
    assert (codes[-1], outcome.code) == (4, 0), outcome.err
    assert pl.read_parquet(out)["user_id"].n_unique() == 60
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["users.txt", "users.csv"])
def test_rank_lists_the_users_of_a_file_in_its_order(
    run: Run, trained_registry: Path, tmp_path: Path, name: str
) -> None:
    users = tmp_path / name
    users.write_text("user_id\nuser 1\nnobody\n" if name.endswith("csv") else "user 1\n\nnobody\n")
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", trained_registry, "--users", users, "--out", out)
    assert outcome.code == 0, outcome.err
    assert pl.read_parquet(out)["user_id"].unique(maintain_order=True).to_list() == ["user 1", "nobody"]


def test_rank_with_what_a_server_has_stored(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    url, out = f"sqlite:///{tmp_path}/store.db", tmp_path / "lists.parquet"
    missing = run("rank", "--registry", trained_registry, "--store", url, "--users", "all", "--out", out)
    assert missing.code == 5, missing.err
    assert f"there is no store {tmp_path}/store.db" in missing.err
    with closing(open_store(url)) as store:
        store.append([Event("1", "late", "garden-0-small", "purchase", 1_717_200_000_000_000)])
        store.forget("user 1")
    outcome = run("rank", "--registry", trained_registry, "--store", url, "--users", "all", "--out", out)
    assert outcome.code == 0, outcome.err
    assert "1 event, 0 new items, 1 forgotten user" in outcome.err
    users = set(pl.read_parquet(out)["user_id"])
    assert "late" in users
    assert "user 1" not in users


@pytest.mark.parametrize("newest", [False, True], ids=["everything", "only the newest"])
def test_rank_with_newer_events(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path, newest: bool
) -> None:
    data = Path(shutil.copytree(tiny_dataset_dir, tmp_path / "newer"))
    event = {"user_id": "late", "item_id": "garden-0-small", "event": "purchase", "timestamp": "2024-06-01T00:00:00"}
    events = pl.read_parquet(data / "events.parquet")
    row = pl.DataFrame([event]).with_columns(pl.col("timestamp").str.to_datetime().dt.replace_time_zone("UTC"))
    row = row.cast(dict(events.schema))
    (row if newest else pl.concat([events, row])).write_parquet(data / "events.parquet")
    out = tmp_path / "lists.parquet"
    outcome = run("rank", "--registry", trained_registry, "--data", data, "--users", "all", "--out", out)
    assert outcome.code == 0, outcome.err
    assert "0 lists for users without a history" in outcome.out
    assert "late" in pl.read_parquet(out)["user_id"]


def test_bad_rows_are_set_aside_by_whatever_reads_them(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_dataset_dir, tmp_path / "shop")
    events = pl.read_parquet(folder / "events.parquet")
    bad = events.head(1).with_columns(pl.lit(None, pl.String).alias("user_id"))
    pl.concat([events, bad]).write_parquet(folder / "events.parquet")
    reading = ("--registry", trained_registry)
    for command in (
        ("evaluate", folder, *reading),
        ("rank", *reading, "--users", "all", "--data", folder, "--out", tmp_path / "lists.parquet"),
    ):
        outcome = run(*command)
        assert outcome.code == 0, outcome.err
        assert "1 bad row set aside in" in outcome.err
        (folder / "rejected.jsonl").unlink()


def test_rank_from_urls_to_a_url(run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("user 1\nnobody\n")
    urls = {"--data": f"file://{tiny_dataset_dir}", "--users": f"file://{tmp_path}/users.txt"}
    out = f"file://{tmp_path}/there/lists.parquet"
    outcome = run(
        "rank", "--registry", trained_registry, *[word for pair in urls.items() for word in pair], "--out", out
    )
    assert outcome.code == 0, outcome.err
    lists = pl.read_parquet(tmp_path / "there" / "lists.parquet")
    assert lists["user_id"].unique(maintain_order=True).to_list() == ["user 1", "nobody"]
    assert not [*(trained_registry / "cache").glob("lists-*"), *(trained_registry / "cache").glob("log-*")]


def test_a_url_of_no_kind_is_found_before_the_work(run: Run, trained_registry: Path) -> None:
    outcome = run("rank", "--registry", trained_registry, "--users", "all", "--out", "nonsense://bucket/lists.parquet")
    assert outcome.code == 2
    assert "nonsense://" in outcome.err


def test_rank_refuses_a_file_without_users(run: Run, trained_registry: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("\n")
    outcome = run("rank", "--registry", trained_registry, "--users", users, "--out", tmp_path / "lists.parquet")
    assert outcome.code == 3
    assert "holds no user" in outcome.err


def test_explain_prints_a_table_for_people(run: Run, trained_registry: Path) -> None:
    outcome = run("explain", "--registry", trained_registry, "--user", "user 3", "-n", 4)
    assert outcome.code == 0, outcome.err
    for word in ("user 3", "collab.", "why"):
        assert word in outcome.out


def test_explain_gives_programs_the_parts_of_one_item(run: Run, trained_registry: Path) -> None:
    outcome = run("explain", "--registry", trained_registry, "--user", "nobody", "--item", "books-0-small", "--json")
    assert outcome.code == 0, outcome.err
    answer = outcome.json
    assert answer["history"] == []
    assert answer["profile"] == {}
    assert [item["item_id"] for item in answer["items"]] == ["books-0-small"]
    assert answer["items"][0]["title"] == "small crime novel"
    parts = answer["items"][0]["explanation"]
    assert set(parts) == {"text", "collaborative", "behaviour", "context", "reasons"}
    assert parts["reasons"]


def test_retrain_skips_without_news(run: Run, tiny_dataset_dir: Path, registry: Path) -> None:
    before = Registry(registry).current()
    outcome = run("retrain", "--registry", registry, "--data", tiny_dataset_dir, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["action"] == "skipped"
    assert outcome.json["new_events"] == 0
    assert Registry(registry).current() == before


def test_retrain_dry_run_with_other_limits_and_a_page(
    run: Run, tiny_dataset_dir: Path, registry: Path, tmp_path: Path
) -> None:
    page = tmp_path / "decisions.html"
    words = ("retrain", "--registry", registry, "--data", tiny_dataset_dir)
    outcome = run(*words, "--report", page, "--set", "retrain.min_events=7")
    assert outcome.code == 0, outcome.err
    assert "retrain.min_events asks for 7" in outcome.out
    assert "retrain.min_events asks for 7" in page.read_text()
    assert run(*words, "--set", "text.epochs=1").code == 2
    assert run(*words, "--webhook", "file:///etc/passwd").code == 2
    assert run(*words, "--metrics", tmp_path / "retrain.prom").code == 0
    assert 'recsys_retrain_turns_total{event="skipped"} 1' in (tmp_path / "retrain.prom").read_text()


def test_retrain_watches_until_it_is_interrupted(
    run: Run, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", nap)
    store = f"sqlite:///{tmp_path}/store.db"
    open_store(store).close()
    outcome = run("retrain", "--registry", registry, "--store", store, "--watch", "30m")
    assert outcome.code == 130
    assert all(1_800 <= nap < 1_980 for nap in naps)
    assert outcome.out.count("skipped") == 2


def test_retrain_that_watches_on_a_terminal_has_one_live_line_and_none_beside_a_decision(
    run: Run, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: list[str] = []
    most: list[int] = []

    @contextmanager
    def status(console: Console, text: Text) -> Iterator[None]:
        live.append(str(text))
        most.append(len(live))
        yield
        live.remove(str(text))

    def nap(seconds: float) -> None:
        assert len(most) > 1, "the turn has said something too, or this test shows nothing"
        if most.count(1) > 3:
            raise KeyboardInterrupt

    def show(*arguments: Any) -> None:
        assert not live

    monkeypatch.setattr(Console, "status", status)
    monkeypatch.setattr("recsys.cli.retrain._show", show)
    monkeypatch.setattr(time, "sleep", nap)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    store = f"sqlite:///{tmp_path}/store.db"
    open_store(store).close()
    assert run("retrain", "--registry", registry, "--store", store, "--watch", "30m").code == 130
    assert set(most) == {1}


def test_retrain_makes_no_store_of_a_name_that_is_misspelt(run: Run, registry: Path, tmp_path: Path) -> None:
    outcome = run("retrain", "--registry", registry, "--store", f"sqlite:///{tmp_path}/stroe.db")
    assert outcome.code == 5, outcome.err
    assert f"there is no store {tmp_path}/stroe.db" in outcome.err
    assert not (tmp_path / "stroe.db").exists()


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("6h", 21_600), ("1d", 86_400)])
def test_an_interval_is_read_as_seconds(text: str, seconds: float) -> None:
    assert interval(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "soon", "5 weeks"])
def test_what_is_no_interval_is_wrong_usage(run: Run, text: str) -> None:
    outcome = run("retrain", "--registry", "r", "--store", "s", f"--watch={text}")
    assert outcome.code == 2
    assert "--watch" in outcome.err


def test_tuned_training_goes_on_and_keeps_its_trials(run: Run, tiny_dataset_dir: Path, tmp_path: Path) -> None:
    registry = tmp_path / "my models"
    for trials in ("1", "2"):
        outcome = run("train", tiny_dataset_dir, "--registry", registry, *SETTINGS, "--tune", trials)
        assert outcome.code == 0, outcome.err
        assert f"recsys serve --registry '{registry}'" in outcome.out
    bundle = Bundle.load(Registry(registry))
    assert sorted(trial["number"] for trial in bundle.report.trials) == [0, 1]
    best = bundle.report.trials[0]["settings"]
    assert {key: getattr(bundle.config.ranker, key) for key in best} == best


def test_the_figures_of_the_requests_have_the_mean_of_the_report(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path
) -> None:
    file = tmp_path / "requests.parquet"
    answer = run("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--json", "--per-request", file)
    assert answer.code == 0
    report, frame = json.loads(answer.out), pl.read_parquet(file)
    assert len(frame) == report["n_requests"]
    assert frame["ndcg@10"].mean() == pytest.approx(report["metrics"]["ndcg@10"]["mean"])
    assert set(frame["user_id"]) <= set(pl.read_parquet(tiny_dataset_dir / "events.parquet")["user_id"])


def test_evaluate_measures_other_splits_alone_and_with_their_own_options(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path
) -> None:
    command = ("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--split", "rolling")
    answer = run(*command, "--windows", "1", "--json")
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert [window["name"] for window in report["windows"]] == ["window 1 of 1"]
    assert report["n_requests"] > 0
    assert run(*command, "--requests", "requests.parquet").code == 2
    assert run(*command[:-2], "--windows", "1").code == 2


def test_evaluate_says_what_makes_requests_easy_or_impossible(
    run: Run, tiny_dataset_dir: Path, trained_registry: Path, tmp_path: Path
) -> None:
    file = tmp_path / "requests.csv"
    file.write_text(
        "request_id,user_id,timestamp,target,targets\n"
        "r1,user 1,2024-03-05,coffee-0-small|nowhere,\nr2,user 2,2024-06-05,nowhere|garden-0-small,\nr3,user 3,,,x\n"
    )
    answer = run("evaluate", tiny_dataset_dir, "--registry", trained_registry, "--requests", file, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["caveats"] == [
        "Left out: 1 request without a target.",
        "50.0% of the items wanted are unknown to the version; they count as missed.",
        "1 request is of a time from which the version has learned, so its figures may be too good.",
        "Only 2 requests are measured, so the intervals are wide.",
        "The requests are of only 2 users, so the intervals say little about other users.",
    ]
    assert f"{file}: column 'targets' is not read; known are" in answer.err
