"""The figures of an evaluation as a table: the full pipeline beside simpler rankings and itself without a part."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recsys.cli import output
from recsys.counts import counted

if TYPE_CHECKING:
    from recsys.eval.results import EvaluationReport

_SHOWN = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10")

_WIDE = 150
"""Characters of a terminal from which on every figure has its interval beside it; below, only the first one."""

_ESTIMATES = {"ips": "IPS", "snips": "SNIPS", "dr": "doubly robust"}


def print_report(report: "EvaluationReport") -> None:
    """Print what was found: the figures, what they say in words, and what to know before relying on them."""
    from recsys.eval.report.finding import finding

    print_figures(report.to_json(), finding(report).replace("**", ""))


def print_figures(report: Mapping[str, Any], found: str = "") -> None:
    """Print what `evaluate --json` holds, figures with their 95 % intervals; below the table what was found, in words,
    and the caveats."""
    narrow = output.is_narrow(_WIDE)
    title = f"{counted(report['n_requests'], 'request')} of version {report['version']}; in brackets 95 % intervals"
    names = [name.replace("_", " ").removesuffix("@10") if narrow else name for name in _SHOWN]
    output.print_table(["ranking", *names], list(_rows(report, narrow)), title=title, whole=names)
    if found:
        print(output.visible(found))
    for caveat in report.get("caveats", []):
        print(f"note: {caveat}")
    if estimates := report.get("off_policy"):
        earned = ", ".join(f"{name} {_figure(estimates[key])}" for key, name in _ESTIMATES.items())
        few = "; do not rely on it: too little of what was shown, or of what was wanted there, agrees with these lists"
        trust = "" if estimates["reliable"] else few
        print(
            f"reward per position: shown lists {_figure(estimates['logged'])}; these lists, estimated: {earned}{trust}"
        )


def _rows(report: Mapping[str, Any], narrow: bool) -> Iterator[list[str]]:
    """The full pipeline, below it what it is without a part; the simpler rankings, best first; then the full pipeline
    on kinds of requests."""
    yield _row("full pipeline", report["metrics"], narrow)
    for name, metrics in report["ablation"].items():
        yield _row(f"  {name}", metrics, narrow)
    best = _SHOWN[0]
    for name, metrics in sorted(
        report["baselines"].items(), key=lambda one: -(one[1].get(best, {}).get("mean") or 0.0)
    ):
        yield _row(name, metrics, narrow)
    kinds = {name: size for name in report["slices"] if (size := report["slice_sizes"][name])}
    if kinds:
        yield ["full pipeline on", *[""] * len(_SHOWN)]
    for name, size in kinds.items():
        yield _row(f"  {name.replace('_', ' ')} ({size:,})", report["slices"][name], narrow)


def _row(name: str, metrics: Mapping[str, Mapping[str, float | None]], narrow: bool) -> list[str]:
    first, *others = (metrics.get(metric, {}) for metric in _SHOWN)
    if not narrow:
        return [name, *map(_figure, (first, *others))]
    return [name, _figure(first, 3), *(_figure({"mean": other.get("mean")}, 3) for other in others)]


def _figure(interval: Mapping[str, float | None], digits: int = 4) -> str:
    mean, low, high = (interval.get(part) for part in ("mean", "low", "high"))
    if mean is None:
        return "-"
    if low is None or high is None or low == high:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
