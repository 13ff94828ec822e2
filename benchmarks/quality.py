"""Quality on real data: get, check, train, evaluate and rank each data set through the command line; one table each.

    python -m benchmarks.quality [--data ../shared/data] [--work DIR] [NAME ...]

The tables of the whole pipeline in docs/quality.md come from this program.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.arguments import add_data_sets, parser_of, print_progress, work_folder

METRICS = ("ndcg@10", "recall@10", "hit_rate@10", "coverage@10")


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and the settings that it is trained with."""

    name: str
    settings: tuple[str, ...] = ()


DATA: Mapping[str, Source] = {
    "scientific": Source("scientific"),
    "scientific-refit": Source("scientific"),
    "movielens-small": Source("movielens-small"),
    "online-retail": Source("online-retail"),
    "online-retail-new": Source("online-retail", ("policy.seen=exclude",)),
    "completejourney": Source("completejourney"),
}
"""`online-retail-new` asks for items new to the user, `online-retail` for any purchase. In `scientific` the log ends
before the purchases of the validation requests, as in papers; in `scientific-refit` it has them, as the histories of
the test requests do.
"""


@dataclass(frozen=True)
class Step:
    """One command that ran: its output, seconds, and peak memory in MiB."""

    output: str
    seconds: float
    peak_mib: float


def recsys(*words: str | Path) -> Step:
    """Run one `recsys` command; its progress goes to this program's standard error."""
    command = [sys.executable, "-m", "recsys", *map(str, words)]
    print_progress(" ".join(["$ recsys", *map(str, words)]))
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"recsys {words[0]} ended with exit code {process.returncode}")
        output.seek(0)
        return Step(output.read(), time.monotonic() - started, usage.ru_maxrss / 1024)


def prepare(name: str, data: Path, work: Path) -> Path:
    """The dataset directory of one data set."""
    source = DATA[name].name
    if name == "scientific":
        return data / source
    if name == "scientific-refit":
        return with_validation_purchases(data / source, work / name)
    folder = work / source
    if not folder.exists():
        official = () if source == "completejourney" else ("--from", data / source)
        recsys("data", "get", source, "--out", folder, *official)
    return folder


def with_validation_purchases(source: Path, folder: Path) -> Path:
    """Scientific with the purchases of its validation requests at the end of the log, one week after the one before."""
    if folder.exists():
        return folder
    events = pl.read_parquet(source / "events.parquet")
    newest = events.group_by("user_id").agg(pl.col("timestamp").max() + pl.duration(weeks=1))
    wanted = pl.read_parquet(source / "valid_requests.parquet").select("user_id", item_id="target")
    bought = wanted.join(newest, on="user_id", validate="1:1").with_columns(event=pl.lit("purchase"))
    half = folder.with_name(f"{folder.name}.half")
    half.mkdir(exist_ok=True)
    pl.concat([events, bought.select(events.columns)]).write_parquet(half / "events.parquet")
    for file in ("items.parquet", "test_requests.parquet"):
        shutil.copyfile(source / file, half / file)
    return half.rename(folder)


def run(name: str, data: Path, work: Path) -> None:
    """All verbs on one data set, then its table."""
    folder, registry = prepare(name, data, work), work / f"{name}.registry"
    recsys("data", "check", folder)
    settings = (word for setting in DATA[name].settings for word in ("--set", setting))
    trained = recsys("train", folder, "--registry", registry, *settings)
    requests_file = folder / "test_requests.parquet"
    requests = ("--requests", requests_file) if requests_file.exists() else ()
    pages = ("--report", work / f"{name}.html", "--per-request", work / f"{name}.requests.parquet")
    evaluated = recsys("evaluate", folder, "--registry", registry, *requests, "--json", *pages)
    ranked = recsys("rank", "--registry", registry, "--users", "all", "--out", work / f"{name}.parquet")
    report = json.loads(evaluated.output)
    print(f"\n## {name}\n")
    print(f"{report['n_requests']:,} requests; ", end="")
    print(f"trained in {trained.seconds / 60:.1f} minutes, peak memory {trained.peak_mib:,.0f} MiB; ", end="")
    print(f"evaluated in {evaluated.seconds / 60:.1f}, ranked for all users in {ranked.seconds / 60:.1f} minutes.\n")
    print("\n".join(table(report)), flush=True)


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """The figures in Markdown."""
    yield f"| ranking | {' | '.join(METRICS)} |"
    yield f"| --- |{' --- |' * len(METRICS)}"
    yield row("**full pipeline**", report["metrics"])
    for group in ("baselines", "ablation"):
        for name, metrics in report[group].items():
            verdict = report["comparisons"].get(name, {}).get("verdict", "")
            yield row(f"{name} (full pipeline: {verdict})" if verdict else name, metrics)
    for name, metrics in report["slices"].items():
        yield row(f"full pipeline, {name} ({report['slice_sizes'][name]:,} requests)", metrics)


def row(name: str, metrics: Mapping[str, Mapping[str, float | None]]) -> str:
    """One ranking: means with their 95 % intervals."""
    cells = []
    for metric in METRICS:
        mean, low, high = (metrics[metric][part] for part in ("mean", "low", "high"))
        if mean is None or low is None or high is None:
            cells.append("-")
        else:
            cells.append(f"{mean:.4f}" + ("" if low == high else f" ({low:.4f}-{high:.4f})"))
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Parse, and run every data set that is named."""
    parser = parser_of(__doc__)
    add_data_sets(parser, DATA)
    parser.add_argument("--work", type=Path, help="keep what is made here")
    arguments = parser.parse_args()
    with work_folder(arguments.work) as work:
        for name in arguments.names or DATA:
            run(name, arguments.data, work)


if __name__ == "__main__":
    main()
