"""The table: every tool and ours on the same requests, compared in pairs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.peers.world import Asked, K
from recsys.eval.confidence import Interval, compare, intervals

NDCG, RECALL = f"ndcg@{K}", f"recall@{K}"


def rows(name: str, test: Asked, work: Path, ours: Path) -> Iterator[str]:
    """Markdown: ours first, then the tools, best first.

    Raises:
        SystemExit: our figures are not of the same requests.
    """
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(work.glob(f"{name}.*.json"))]
    results.sort(key=lambda result: -np.mean(result[NDCG]))
    file = ours / f"{name}.requests.parquet"
    own = _own(file, test) if file.exists() else None
    cold = test.cold()
    yield f"\n### {name}: {len(test):,} requests, {int(cold.sum()):,} of which want a hardly known item\n"
    yield f"| ranking | {NDCG} | {RECALL} | ours is | {NDCG}, hardly known items | ours is | CPU s to train | setting |"
    yield "| --- |" + " --- |" * 7
    if own is not None:
        yield _row("**recsys**", own, None, test, cold, "", "defaults")
    for result in results:
        values = {metric: np.array(result[metric]) for metric in (NDCG, RECALL)}
        setting = ", ".join(f"{key} {value}" for key, value in result["setting"].items())
        yield _row(result["peer"], values, own, test, cold, f"{result['train_cpu_seconds']:.0f}", setting)


def _own(file: Path, test: Asked) -> dict[str, NDArray[np.float64]]:
    frame = pl.read_parquet(file)
    if not np.array_equal(frame["request"].to_numpy(), test.requests):
        raise SystemExit(f"{file} is not of the same {len(test)} requests; evaluate again on this data")
    return {metric: frame[metric].to_numpy() for metric in (NDCG, RECALL)}


def _row(
    name: str,
    values: dict[str, NDArray[np.float64]],
    own: dict[str, NDArray[np.float64]] | None,
    test: Asked,
    cold: NDArray[np.bool_],
    seconds: str,
    setting: str,
) -> str:
    every = np.ones(len(test), dtype=bool)
    cells = [name, _figure(values[NDCG], test.users), _figure(values[RECALL], test.users)]
    for chosen in (every, cold):
        mine, theirs = (None if one is None else one[NDCG][chosen] for one in (own, values))
        if chosen is cold:
            cells.append(_figure(values[NDCG][cold], test.users[cold]))
        cells.append("" if mine is None or theirs is None else _verdict(mine, theirs, test.users[chosen]))
    return "| " + " | ".join([*cells, seconds, setting]) + " |"


def _figure(values: NDArray[np.float64], users: NDArray[np.int32]) -> str:
    if not len(values):
        return "-"
    figure: Interval = intervals(values[:, None], clusters=users)[0]
    return f"{figure['mean']:.4f} ({figure['low']:.4f}-{figure['high']:.4f})"


def _verdict(ours: NDArray[np.float64], theirs: NDArray[np.float64], users: NDArray[np.int32]) -> Any:
    if not len(ours):
        return ""
    found = compare(ours, theirs, clusters=users)
    times = f"{ours.mean() / theirs.mean():.2f} x, " if theirs.mean() > 0 else ""
    return f"{times}{found.verdict}, p {'< .001' if found.p_value < 0.001 else f'= {found.p_value:.3f}'}"
