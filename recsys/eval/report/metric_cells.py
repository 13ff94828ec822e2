"""Metrics as text: what each one means, its figure and its interval."""

from collections.abc import Mapping

from recsys.eval.confidence import Comparison, Interval
from recsys.eval.protocol import Metrics

METRICS: Mapping[str, tuple[str, str]] = {
    "ndcg": ("{:.3f}", "Are wanted items in the list, and near its top? 1 is the best possible order, 0 no hit."),
    "recall": ("{:.1%}", "Share of the items wanted that the list holds."),
    "hit_rate": ("{:.1%}", "Share of the lists that hold at least one item wanted."),
    "mrr": ("{:.3f}", "1 / rank of the first item wanted: 1 if it is always first, 0.5 if always second."),
    "map": ("{:.3f}", "Precision at the rank of each item wanted, averaged."),
    "auc": ("{:.3f}", "How often a wanted item stands before another one of the same candidates; 0.5 is chance."),
    "coverage": ("{:.1%}", "Share of the catalogue that appears in at least one list."),
    "personalisation": ("{:.1%}", "How unlike the lists of different users are: 0 % all get the same one."),
    "novelty": ("{:.1f}", "How little known the listed items are, in bits: one more is half as popular."),
    "diversity": ("{:.2f}", "How unlike the items of one list are: 0 alike, 1 unrelated."),
}
"""Name -> format of the figure, and what it means."""

_NOTHING = Interval(mean=None, low=None, high=None)


def named(name: str, k: int) -> str:
    """The column of a metric of lists of k."""
    return name if name == "auc" else f"{name}@{k}"


def metric_label(metric: str) -> str:
    """A name for readers."""
    return metric.replace("_", " ")


def interval_of(metrics: Metrics, name: str) -> Interval:
    """A metric that was measured, or an interval of nothing."""
    return metrics.get(name, _NOTHING)


def mean_text(figure: Interval, form: str) -> str:
    """The mean as text."""
    return "–" if figure["mean"] is None else form.format(figure["mean"])


def span_text(figure: Interval, form: str) -> str:
    """The interval as text; empty where there is none."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None or low == high:
        return ""
    return f"{form.format(low)}–{form.format(high)}"


def interval_cells(metrics: Metrics, k: int) -> str:
    """Table cells of every metric, each with its interval."""
    figures = [(interval_of(metrics, named(name, k)), form) for name, (form, _) in METRICS.items()]
    return "".join(
        f"<td>{mean_text(figure, form)}<small>{span_text(figure, form)}</small></td>" for figure, form in figures
    )


def p_text(comparison: Comparison) -> str:
    """The p-value in words: how often chance alone would give as large a difference."""
    return "p < 0.001" if comparison.p_value < 0.001 else f"p = {comparison.p_value:.3f}"
