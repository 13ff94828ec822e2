"""What each part adds: the whole pipeline, and trained anew without each source, and with frozen text, in pairs.

    python -m benchmarks.parts [--data ../shared/data] [--work DIR] [--set KEY=VALUE] [--without SOURCES] [NAME ...]

Each variant is measured in its own training, on the newest requests of the time split, which it has not seen. If the
text budget runs out before the epochs are done, trainings differ by chance, and so does the table: give a large enough
budget, or none (`--set text.budget_minutes=0`). For groups of features, every `recsys evaluate` has such a table.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.arguments import add_data_sets, parser_of, work_folder
from benchmarks.quality import DATA, prepare
from benchmarks.replay import say
from recsys.config import Config, load_config
from recsys.data.loading import load_dataset
from recsys.errors import ConfigError
from recsys.eval.protocol import Measurement
from recsys.pipeline.training.train import train
from recsys.text.cache import VectorCache

METRIC = "ndcg@10"
WHOLE = "whole pipeline"
NAMES = ("scientific", "movielens-small", "online-retail")


def variants(settings: tuple[str, ...], left_out: Sequence[str]) -> Mapping[str, Config]:
    """The whole pipeline first, then what lacks a part of it.

    Args:
        settings: of the config.
        left_out: sources, with commas between those left out together; empty: each by itself, and trained text.

    Raises:
        ConfigError: `left_out` names what is no source of the config.
    """
    whole = load_config(None, settings)
    found = {WHOLE: whole}
    for together in left_out or whole.candidates.sources:
        names = together.split(",")
        if unknown := set(names) - set(whole.candidates.sources):
            raise ConfigError(f"--without {together}: {', '.join(sorted(unknown))} is no source of the config")
        others = tuple(other for other in whole.candidates.sources if other not in names)
        found[f"without {' and '.join(names)}"] = whole.changed(candidates={"sources": others})
    if whole.text.budget_minutes and not left_out:
        found["with frozen text"] = whole.changed(text={"budget_minutes": 0.0})
    return found


def table(name: str, data: Path, work: Path, settings: tuple[str, ...], left_out: Sequence[str]) -> Iterator[str]:
    """What is lost without each part, in Markdown, line by line as it is measured."""
    folder, cache = prepare(name, data, work), VectorCache(work / f"{name}.vectors")
    whole: Measurement | None = None
    for part, config in variants((*DATA[name].settings, "ranker.ablation=false", *settings), left_out).items():
        found = train(load_dataset(folder, config), config, cache=cache, progress=say).report.measurements.full
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
    parser = parser_of(__doc__)
    add_data_sets(parser, DATA, default=" ".join(NAMES))
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument(
        "--without", action="append", default=[], metavar="SOURCES", help="left out together; default: each by itself"
    )
    arguments = parser.parse_args()
    with work_folder(arguments.work) as work:
        for name in arguments.names or NAMES:
            print(f"\n## {name}\n")
            try:
                for line in table(name, arguments.data, work, tuple(arguments.set), arguments.without):
                    print(line, flush=True)
            except ConfigError as error:
                parser.error(str(error))


if __name__ == "__main__":
    main()
