"""What each part adds: the whole pipeline, and trained anew without each source, and with frozen text, in pairs.

    python -m benchmarks.parts [--data ../shared/data] [--work DIR] [--set KEY=VALUE] [NAME ...]

Each is measured by its own training: on the newest requests of the time split, which it has not seen. The groups of
features have such a table in every `recsys evaluate`.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.quality import DATA, prepare
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
    frozen = whole.text.model_copy(update={"budget_minutes": 0.0})
    return {**found, "with frozen text": whole.model_copy(update={"text": frozen})}


def measured(name: str, data: Path, work: Path, settings: tuple[str, ...]) -> Iterator[tuple[str, Measurement]]:
    """What each reaches, one after the other."""
    folder, cache = prepare(name, data, work), VectorCache(work / f"{name}.vectors")
    for part, config in variants((*DATA[name].settings, "ranker.ablation=false", *settings)).items():
        started = time.process_time()
        report = train(load_dataset(folder, config), config, cache=cache).report
        assert report.full is not None, "a fresh measurement"
        print(f"{name}, {part}: {time.process_time() - started:.0f} processor seconds", file=sys.stderr, flush=True)
        yield part, report.full


def table(found: Mapping[str, Measurement]) -> Iterator[str]:
    """The figures in Markdown: what is lost without each part."""
    whole = found[WHOLE]
    yield f"| {whole.n_requests:,} requests | {METRIC} | the whole pipeline is ahead by |"
    yield "| --- | --- | --- |"
    for part, one in found.items():
        gap = whole.against(one, METRIC)
        ahead = f"{gap.difference:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}), p = {gap.p_value:.2g}"
        yield f"| {part} | {one.mean(METRIC):.4f} | {'' if one is whole else ahead} |"


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
            found = dict(measured(name, arguments.data, work, tuple(arguments.set)))
            print(f"\n## {name}\n")
            print("\n".join(table(found)), flush=True)


if __name__ == "__main__":
    main()
