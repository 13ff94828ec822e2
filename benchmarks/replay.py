"""Week by week through real logs: a model continued each week, one trained anew each week, one never trained again.

    python -m benchmarks.replay [--data ../shared/data] [--weeks N] [--users SHARE] [--out FOLDER] [NAME ...]

All three start from the same training on everything before the last N weeks. Each week is ranked by what was trained
before it, by the events that a server would know at each moment, and is then trained on. Times are processor seconds of
the trainings, encoding of new texts included; vectors of texts are kept between trainings, for both alike.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.arguments import add_data_sets, parser_of
from recsys.config import Config, load_config
from recsys.data.dataset import Dataset
from recsys.data.datasets.completejourney import read_completejourney
from recsys.data.datasets.online_retail import read_online_retail
from recsys.data.loading import dataset_from_frames
from recsys.eval.protocol import Measurement
from recsys.moments import DAY
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.training.continued import continue_training, measure_as_served, renumbered
from recsys.pipeline.training.train import train
from recsys.progress import silent
from recsys.text.cache import VectorCache

NAMES = ("online-retail", "completejourney")
METRIC = "ndcg@10"
WEEK = pl.duration(days=7)
_HASH = 2_654_435_761


@dataclass(frozen=True)
class Way:
    """One way through the weeks: ndcg@10 of every request of each week, and processor seconds of each training."""

    name: str
    values: list[Measurement]
    seconds: list[float]

    @property
    def means(self) -> list[float]:
        return [one.mean(METRIC) for one in self.values]

    @property
    def later(self) -> Measurement:
        """All requests but those of the first week."""
        return Measurement.joined(self.values[1:])


def weeks_of(name: str, data: Path, weeks: int, share: float) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Items and events of growing logs: before the first of the weeks, and at the end of each."""
    if name == "completejourney":
        frames = read_completejourney(households=share, last_weeks=26)
    else:
        frames = read_online_retail(data / name)
        place = frames.events["user_id"].cast(pl.Float64).cast(pl.UInt64) * _HASH % 2**32
        frames = type(frames)(frames.items, frames.events.filter(place < int(share * 2**32)))
    events = frames.events.sort("timestamp", maintain_order=True)
    first = events.group_by("item_id").agg(pl.col("timestamp").min().alias("first"))
    items = frames.items.join(first, on="item_id", maintain_order="left")
    found = []
    for left in range(weeks, -1, -1):
        until = events.select(pl.col("timestamp").max() - left * WEEK).item()
        known = items.filter(pl.col("first") <= until).drop("first")
        found.append((known, events.filter(pl.col("timestamp") <= until)))
    return found


def replay(name: str, data: Path, weeks: int, share: float, config: Config, work: Path) -> list[Way]:
    """All three ways through one data set."""
    parts = [dataset_from_frames(*frames, config) for frames in weeks_of(name, data, weeks, share)]
    cache = VectorCache(work / f"{name}.vectors")
    first, _ = _timed(partial(train, parts[0], config, cache=cache, progress=say))
    ways = [Way("trained anew each week", [], []), Way("goes on each week", [], []), Way("never again", [], [])]
    served = [first, first, first]
    for week in range(1, weeks + 1):
        for way, bundle in zip(ways, served, strict=True):
            way.values.append(_ranked(bundle, parts[week]))
        print(f"{name} week {week}: " + ", ".join(f"{way.name} {way.means[-1]:.4f}" for way in ways), flush=True)
        if week == weeks:
            break
        anew, seconds = _timed(partial(train, parts[week], config, cache=cache, progress=say))
        ways[0].seconds.append(seconds)
        on, seconds = _timed(partial(_gone_on, served[1], parts[week], cache))
        ways[1].seconds.append(seconds)
        served[:2] = anew, on
        print(f"  anew {ways[0].seconds[-1]:.0f} s, goes on {ways[1].seconds[-1]:.0f} s", flush=True)
    return ways


def _gone_on(bundle: Bundle, dataset: Dataset, cache: VectorCache) -> Bundle:
    numbered = renumbered(dataset, bundle)
    newer = numbered.log.after(bundle.data_record.end).positive().times
    half = int(np.quantile(newer, 0.5, method="higher"))
    return continue_training(bundle, numbered, test_start=half, cache=cache, progress=say)


def _ranked(bundle: Bundle, dataset: Dataset) -> Measurement:
    """The newest week, ranked by a version that ends before it; items that came since are known as on a server."""
    start = int(dataset.log.times[-1]) - 7 * DAY + 1
    return measure_as_served(bundle, renumbered(dataset, bundle), start, 0, silent).measurements.full


def _timed(action: Callable[[], Bundle]) -> tuple[Bundle, float]:
    start = time.process_time()
    bundle = action()
    return bundle, time.process_time() - start


def say(message: str) -> None:
    """Progress with processor seconds, to see where they go."""
    print(f"{time.process_time():8.1f} s  {message}", file=sys.stderr, flush=True)


def table(ways: Sequence[Way]) -> Iterator[str]:
    """The figures in Markdown."""
    weeks = range(1, len(ways[0].values) + 1)
    yield f"| {METRIC} | {' | '.join(f'week {week}' for week in weeks)} | mean | seconds a training |"
    yield f"| --- |{' --- |' * (len(weeks) + 2)}"
    for way in ways:
        seconds = f"{np.mean(way.seconds):.0f}" if way.seconds else "-"
        cells = " | ".join(f"{mean:.4f}" for mean in way.means)
        yield f"| {way.name} | {cells} | {np.mean(way.means):.4f} | {seconds} |"
    anew, on, never = ways
    yield ""
    yield (
        f"Going on keeps {np.mean(on.means[1:]) / np.mean(anew.means[1:]):.1%} of the {METRIC} of training anew, in "
        f"{np.sum(on.seconds) / np.sum(anew.seconds):.1%} of its time; never training again keeps "
        f"{np.mean(never.means[1:]) / np.mean(anew.means[1:]):.1%} (weeks 2 to {len(weeks)}; in week 1 all are one)."
    )
    for way in (on, never):
        gap = way.later.against(anew.later, METRIC)
        yield (
            f"{way.name} minus {anew.name}, over {gap.n_requests:,} requests: {gap.difference:+.4f} "
            f"({gap.low:+.4f} to {gap.high:+.4f}), p = {gap.p_value:.2g}."
        )


def picture(found: Mapping[str, Sequence[Way]], path: Path) -> None:
    """ndcg@10 of each week, one panel a data set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8 * len(found), 3.4), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (name, ways) in zip(panels, found.items(), strict=True):
        for way, style in zip(ways, ("o-", "s-", "^--"), strict=True):
            axes.plot(range(1, len(way.means) + 1), way.means, style, label=way.name)
        axes.set(title=name, xlabel="week", ylabel=METRIC, ylim=(0, None))
        axes.grid(True, alpha=0.3)
    panels[0].legend()
    figure.savefig(path)


def main() -> None:
    """Parse, replay, print the tables, draw the picture."""
    parser = parser_of(__doc__)
    add_data_sets(parser, NAMES)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--users", type=float, default=1.0, metavar="SHARE", help="share of the users")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where replay.svg goes")
    arguments = parser.parse_args()
    config = load_config(None, ("ranker.ablation=false", *arguments.set))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or NAMES:
            found[name] = replay(name, arguments.data, arguments.weeks, arguments.users, config, Path(folder))
    for name, ways in found.items():
        print(f"\n## {name}\n")
        print("\n".join(table(ways)), flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    picture(found, arguments.out / "replay.svg")


if __name__ == "__main__":
    main()
