"""The figures of an evaluation as a table: the full pipeline beside simpler rankings and itself without a part."""

from collections.abc import Iterator, Mapping
from typing import Any

from recsys.cli import output
from recsys.counts import counted

_SHOWN = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10")

_ESTIMATES = {"ips": "IPS", "snips": "SNIPS", "dr": "doubly robust"}


def print_figures(report: Mapping[str, Any]) -> None:
    """Print what `evaluate --json` holds, each figure with its 95 % interval."""
    title = f"{counted(report['n_requests'], 'request')} of version {report['version']}; in brackets 95 % intervals"
    output.print_table(["ranking", *_SHOWN], list(_rows(report)), title=title)
    for caveat in report.get("caveats", []):
        print(f"note: {caveat}")
    if found := report.get("off_policy"):
        earned = ", ".join(f"{name} {_figure(found[key])}" for key, name in _ESTIMATES.items())
        few = "; do not rely on it: too little of what was shown, or of what was wanted there, agrees with these lists"
        trust = "" if found["reliable"] else few
        print(f"reward per position: shown lists {_figure(found['logged'])}; these lists, estimated: {earned}{trust}")


def _rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    """The full pipeline, below it what it is without a part and on kinds of requests; then the simpler rankings."""
    yield _row("full pipeline", report["metrics"])
    for name, metrics in report["ablation"].items():
        yield _row(f"  {name}", metrics)
    for name, metrics in report["slices"].items():
        if n_requests := report["slice_sizes"][name]:
            yield _row(f"  on {name.replace('_', ' ')} ({n_requests:,})", metrics)
    for name, metrics in report["baselines"].items():
        yield _row(name, metrics)


def _row(name: str, metrics: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    return [name, *(_figure(metrics.get(metric, {})) for metric in _SHOWN)]


def _figure(interval: Mapping[str, float | None]) -> str:
    mean, low, high = (interval.get(part) for part in ("mean", "low", "high"))
    if mean is None:
        return "-"
    if low is None or high is None or low == high:
        return f"{mean:.4f}"
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"
