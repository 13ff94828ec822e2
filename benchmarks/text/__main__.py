"""The text model alone: for each data set a table of rankings from text, of new items, and of encoding speed.

    python -m benchmarks.text [--minutes 2.5] [--tuning 6] [--parts quality,cold,encode] [--rows LIST] --work DIR
                              [NAME ...]

Nothing is used but texts and histories: no ids, no co-occurrence, no popularity. `scientific` is measured on its own
requests files (leave one out); elsewhere the model learns from the history window, validation is the ranker window,
and test is the test window, at most 4,000 requests of each. All items but those of the history are ranked;
requests that want one of those are left out.

Every row is kept in the work folder as it is finished: after an interruption the same command goes on with the next.
Budgets and minutes are CPU time, so what else the machine does is of no matter.
The figures of text alone in docs/text.md and docs/experiments/text.md come from this program.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import add_data_sets, parser_of, words, work_folder
from benchmarks.text.cold import cold_table
from benchmarks.text.encoding import encoding_table
from benchmarks.text.rankings import gains, line, target_ranks
from benchmarks.text.rows import CANDIDATES, Bench
from recsys.text.cache import VectorCache

NAMES = ("scientific", "movielens-small", "online-retail")
ROWS = ("last", "mean", "none", "lora", "adalora", "full", "distilled", "some", "teacher")


def quality(benches: Sequence[Bench]) -> None:
    """The tables of rankings; a row is measured on all data sets before the next one is."""
    for kind in benches[0].arguments.rows:
        for bench in benches:
            with on_cpu_time():
                bench.row(kind)
    for bench in benches:
        print(f"\n## {bench.name}: text alone\n")
        table(bench)


@contextmanager
def on_cpu_time() -> Iterator[None]:
    """Let budgets count CPU time: on a shared machine they would be spent in waiting."""
    clock = SimpleNamespace(monotonic=time.process_time)
    with ExitStack() as stack:
        for module in ("plan", "learner", "finetune", "adapter"):
            stack.enter_context(patch(f"recsys.text.{module}.time", clock))
        yield


def table(bench: Bench) -> None:
    """The rows of one data set."""
    head = ("ranking", "validation ndcg@10", "validation recall@10", "test ndcg@10", "test recall@10")
    line(*head, "CPU minutes", "encode texts/s", f"µs a user and {CANDIDATES} items")
    line(*["---"] * 8)
    for kind in bench.arguments.rows:
        line(*bench.row(kind).cells)


def cold(benches: Sequence[Bench]) -> None:
    """New items: every tenth is held out of training altogether; requests that want one of them."""
    for bench in benches:
        print(f"\n## {bench.name}: new items\n")
        with on_cpu_time():
            cold_table([bench.tenth(9 - number) for number in range(bench.arguments.tenths)])


def encode(benches: Sequence[Bench]) -> None:
    """Encoding speed beside sentence-transformers, and what int8 costs in ndcg@10."""
    for bench in benches:
        print(f"\n## {bench.name}: encoding\n")
        encoding(bench)


def encoding(bench: Bench) -> None:
    """The table of one data set."""
    reader = bench.plain.reader
    bags = reader.lexicon.bags(reader.encoder.tokens(bench.texts))

    def measured(vectors: NDArray[np.float32]) -> float:
        return float(gains(target_ranks(bench.world.test, reader.network.scorer(vectors, bags).score)).mean())

    base, most = bench.plain.base_vectors, bench.arguments.texts
    print("\n".join(encoding_table(reader.encoder, bench.texts, base, measured, most)), flush=True)


def main() -> None:
    """Parse, and measure every data set that is named."""
    parser = parser_of(__doc__)
    add_data_sets(parser, NAMES)
    parser.add_argument("--minutes", type=float, default=2.5, help="budget of the network")
    parser.add_argument("--tuning", type=float, default=6.0, help="budget of each row that goes on from the network")
    parser.add_argument("--rows", type=words, default=list(ROWS), help=f"some of {','.join((*ROWS, 'ia3'))}")
    parser.add_argument("--parts", type=words, default=["quality", "cold", "encode"])
    parser.add_argument(
        "--tenths", type=int, default=1, help="tenths of the items that are new in turn; one training each"
    )
    parser.add_argument("--texts", type=int, default=300, help="distinct texts to encode for the speed")
    parser.add_argument("--work", type=Path, help="keep what is made here, and go on from it")
    arguments = parser.parse_args()
    parts = {"quality": quality, "cold": cold, "encode": encode}
    with work_folder(arguments.work) as work:
        cache = VectorCache(work / "vectors.db")
        benches = [Bench(name, arguments, cache, work / f"{name}.rows") for name in arguments.names or NAMES]
        for part in arguments.parts:
            parts[part](benches)


if __name__ == "__main__":
    main()
