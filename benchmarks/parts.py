"""What each part adds: the whole pipeline, and trained anew without each source, and with frozen text, in pairs.

    python -m benchmarks.parts [--data ../shared/data] [--work DIR] [--set KEY=VALUE] [NAME ...]

Each is measured by its own training: on the newest requests of the time split, which it has not seen. A text budget
that ends before the epochs do makes each training another one, and the table uncertain by that: give enough of it, or
none (`--set text.budget_minutes=0`). The groups of features have such a table in every `recsys evaluate`.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.quality import DATA, prepare
from benchmarks.replay import say
from recsys.config import Config, load_config
from recsys.data.loading import load_dataset
from recsys.eval.protocol import Measurement
from recsys.pipeline.train import train
from recsys.text.cache import VectorCache

METRIC = "ndcg@10"
WHOLE = "whole pipeline"
NAMES = ("scientific", "movielens-small", "online-retail")


def variants(settings: tuple[str, ...]) -> Mapping[str, Config]:
    """The whole pipeline first, then what lacks a part of it."""
    whole = load_config(None, settings)
    found = {WHOLE: whole}
    for source in whole.candidates.sources:
        others = tuple(other for other in whole.candidates.sources if other != source)
        candidates = whole.candidates.model_copy(update={"sources": others})
        found[f"without {source}"] = whole.model_copy(update={"candidates": candidates})
    if whole.text.budget_minutes:
        frozen = whole.text.model_copy(update={"budget_minutes": 0.0})
        found["with frozen text"] = whole.model_copy(update={"text": frozen})
    return found


def table(name: str, data: Path, work: Path, settings: tuple[str, ...]) -> Iterator[str]:
    """What is lost without each part, in Markdown, as it becomes known."""
    folder, cache = prepare(name, data, work), VectorCache(work / f"{name}.vectors")
    whole: Measurement | None = None
    for part, config in variants((*DATA[name].settings, "ranker.ablation=false", *settings)).items():
        found = train(load_dataset(folder, config), config, cache=cache, progress=say).report.full
        assert found is not None, "a fresh measurement"
        if whole is None:
            whole = found
            yield f"| {whole.n_requests:,} requests | {METRIC} | the whole pipeline is ahead by |"
            yield "| --- | --- | --- |"
            yield f"| {part} | {whole.mean(METRIC):.4f} | |"
        else:
            gap = whole.against(found, METRIC)
            ahead = f"{gap.difference:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}), p = {gap.p_value:.2g}"
            yield f"| {part} | {found.mean(METRIC):.4f} | {ahead} |"


def main() -> None:
    """Parse, and print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(DATA)}; default {' '.join(NAMES)}"
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RECSYS_DATA", "../shared/data")))
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the config")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        for name in arguments.names or NAMES:
            print(f"\n## {name}\n")
            for line in table(name, arguments.data, work, tuple(arguments.set)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
