"""The table: every tool and ours on the same requests, compared in pairs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.peers.world import K, LabelledRequests
from recsys.eval.confidence import Comparison, compare_all, intervals

NDCG, RECALL = f"ndcg@{K}", f"recall@{K}"
OURS = "**recsys**"

Values = Mapping[str, NDArray[np.float64]]
"""Ranking to (n_requests,) values of one metric."""


def rows(name: str, test: LabelledRequests, work: Path, ours: Path) -> Iterator[str]:
    """Markdown: ours first, then the tools, best first.

    Raises:
        SystemExit: our figures are not of the same requests.
    """
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(work.glob(f"{name}.*.json"))]
    results.sort(key=lambda result: -np.mean(result[NDCG]))
    ndcg, recall = ({result["peer"]: np.array(result[metric]) for result in results} for metric in (NDCG, RECALL))
    file = ours / f"{name}.requests.parquet"
    if file.exists():
        frame = pl.read_parquet(file)
        if not np.array_equal(frame["request"].to_numpy(), test.requests):
            raise SystemExit(f"{file} is not of the same {len(test)} requests; evaluate again on this data")
        ndcg, recall = ({OURS: frame[NDCG].to_numpy()} | ndcg, {OURS: frame[RECALL].to_numpy()} | recall)
    cold = test.cold()
    hard = {ranking: values[cold] for ranking, values in ndcg.items()}
    columns = (
        figures(ndcg, test.users),
        figures(recall, test.users),
        verdicts(ndcg, test.users),
        figures(hard, test.users[cold]),
        verdicts(hard, test.users[cold]),
        {result["peer"]: f"{result['train_cpu_seconds']:.0f}" for result in results},
        {result["peer"]: ", ".join(f"{key} {value}" for key, value in result["setting"].items()) for result in results},
    )
    yield f"\n### {name}: {len(test):,} requests, {int(cold.sum()):,} of which want a hardly known item\n"
    yield f"| ranking | {NDCG} | {RECALL} | ours is | {NDCG}, hardly known items | ours is | CPU s to train | setting |"
    yield "| --- |" + " --- |" * len(columns)
    for ranking in ndcg:
        yield "| " + " | ".join([ranking, *(column.get(ranking, "") for column in columns)]) + " |"


def figures(values: Values, users: NDArray[np.int32]) -> dict[str, str]:
    """Ranking to its mean and 95 % interval over users."""
    found = intervals(np.stack(list(values.values()), axis=1), clusters=users) if len(users) else []
    return {
        ranking: f"{figure['mean']:.4f} ({figure['low']:.4f}-{figure['high']:.4f})"
        for ranking, figure in zip(values, found, strict=False)
    }


def verdicts(values: Values, users: NDArray[np.int32]) -> dict[str, str]:
    """Tool to what ours is beside it; empty without ours."""
    if OURS not in values or not len(users):
        return {}
    found = {pair[1]: one for pair, one in compare_all(values, clusters=users).items() if pair[0] == OURS}
    return {tool: _said(comparison, values[OURS], values[tool]) for tool, comparison in found.items()}


def _said(found: Comparison, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
    times = f"{ours.mean() / theirs.mean():.2f} x, " if theirs.mean() > 0 else ""
    return f"{times}{found.verdict}, p {'< .001' if found.p_value < 0.001 else f'= {found.p_value:.3f}'}"
