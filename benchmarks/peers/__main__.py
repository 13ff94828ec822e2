"""The field's strongest tools compared with recsys on the same requests.

    python -m benchmarks.peers run --work DIR [--data ../shared/data] [--minutes 5] [--peers NAME,...] [DATA ...]
    python -m benchmarks.peers table --work DIR [--ours DIR] [DATA ...]

`run` tunes each tool on the validation window, measures it once on the test requests and keeps one JSON file a tool, so
that an interruption costs one tool. `table` joins what `recsys evaluate --per-request` wrote (`benchmarks.quality
--work` leaves DATA.requests.parquet) and compares in pairs. docs/quality.md is written from it.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.arguments import add_data_sets, parser_of, print_progress, words
from benchmarks.peers.linear import Ease, FrozenText, ImplicitAls, ImplicitNeighbours, LensKit, Peer, Popularity
from benchmarks.peers.sequential import RecTools
from benchmarks.peers.table import rows
from benchmarks.peers.two_stage import TwoStage
from benchmarks.peers.world import K, World, load

NAMES = ("scientific", "scientific-refit", "movielens-small", "online-retail", "online-retail-new")
_VALIDATION = 1_500
"""Validation requests that choose a setting."""

_LENGTHS = {"scientific": 20, "scientific-refit": 20}
_EPOCHS = {"movielens-small": (20, 40, 80)}

Maker = Callable[[str, World, Path], Peer]

PEERS: Mapping[str, Maker] = {
    "popularity": lambda *_: Popularity(),
    "implicit ALS": lambda *_: ImplicitAls(),
    "implicit item-kNN": lambda *_: ImplicitNeighbours(("Cosine", "TFIDF")),
    "implicit BM25": lambda *_: ImplicitNeighbours(("BM25",)),
    "EASE": lambda *_: Ease(),
    "LensKit item-kNN": lambda *_: LensKit("ItemKNN"),
    "LensKit ALS": lambda *_: LensKit("ALS"),
    "MiniLM last item": lambda _, world, work: FrozenText(world.dataset.catalogue, work / "vectors.db", 1),
    "MiniLM mean": lambda _, world, work: FrozenText(world.dataset.catalogue, work / "vectors.db", 100),
    "two-stage recipe": lambda *_: TwoStage(),
    "RecTools SASRec": lambda name, *_: RecTools("SASRec", _LENGTHS.get(name, 50), _EPOCHS.get(name, (10, 20, 40))),
    "RecTools BERT4Rec": lambda name, *_: RecTools("BERT4Rec", _LENGTHS.get(name, 50), _EPOCHS.get(name, (10, 20, 40))),
}


def run(name: str, world: World, peer: str, work: Path, minutes: float) -> dict[str, Any]:
    """Tune within the minutes, measure once."""
    tool, validation = PEERS[peer](name, world, work), world.validation.sample(_VALIDATION)
    started = time.process_time()
    tried: list[dict[str, Any]] = []
    best, chosen, fitted, seconds = -1.0, tool.settings[0], None, 0.0
    for setting in tool.settings:
        if tried and time.process_time() - started > 60 * minutes:
            break
        before = time.process_time()
        scorer = tool.fit(world.validation.log, setting)
        spent = time.process_time() - before
        reached = validation.measure(scorer).mean(f"ndcg@{K}")
        tried.append({"setting": setting, f"ndcg@{K}": reached, "cpu_seconds": spent})
        print_progress(f"{name}, {peer}: {setting} {reached:.4f} in {spent:.0f} s")
        if reached > best:
            best, chosen, fitted, seconds = reached, setting, scorer, spent
    if len(world.validation.log) != len(world.test.log):  # the test may be learned towards from more
        before = time.process_time()
        fitted = tool.fit(world.test.log, chosen)
        seconds = time.process_time() - before
    assert fitted is not None, "a tool has settings"
    measured = world.test.measure(fitted)
    return {
        "data": name,
        "peer": peer,
        "setting": chosen,
        "tried": tried,
        "tuning_cpu_seconds": time.process_time() - started,
        "train_cpu_seconds": seconds,
        "requests": world.test.requests.tolist(),
        **{metric: measured.values[metric].tolist() for metric in (f"ndcg@{K}", f"recall@{K}", f"hit_rate@{K}")},
    }


def main() -> None:
    """Parse, and run or print."""
    parser = parser_of(__doc__)
    parser.add_argument("step", choices=("run", "table"))
    add_data_sets(parser, NAMES)
    parser.add_argument("--work", type=Path, required=True, help="results are kept here")
    parser.add_argument("--ours", type=Path, help="folder of DATA.requests.parquet; default the work folder")
    parser.add_argument("--peers", type=words, default=list(PEERS))
    parser.add_argument(
        "--minutes",
        type=float,
        default=5.0,
        help="of processor time to tune each tool on each data set; a setting that has begun is finished",
    )
    arguments = parser.parse_intermixed_args()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or NAMES:
        world = load(name, arguments.data, work)
        if arguments.step == "table":
            print("\n".join(rows(name, world.test, work, arguments.ours or work)), flush=True)
            continue
        for peer in arguments.peers:
            file = work / f"{name}.{peer.replace(' ', '_')}.json"
            if not file.exists():
                result = run(name, world, peer, work, arguments.minutes)
                file.with_suffix(".part").write_text(json.dumps(result), encoding="utf-8")
                file.with_suffix(".part").rename(file)


if __name__ == "__main__":
    main()
