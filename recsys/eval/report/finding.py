"""The finding of an evaluation in two sentences, for the page and the terminal."""

from recsys.eval.report.metric_cells import interval_of, p_text
from recsys.eval.results import EvaluationReport


def finding(report: EvaluationReport) -> str:
    """How many lists hold what was wanted, and whether the best simpler ranking is as good; what matters most stands
    between pairs of asterisks."""
    hit = interval_of(report.metrics, f"hit_rate@{report.k}")["mean"]
    if hit is None:
        return "None of the requests names an item that was wanted, so nothing could be measured."
    first = f"**{hit:.1%}** of the lists of {report.k} hold an item that the user then wanted."
    ndcg = f"ndcg@{report.k}"
    measured = {
        name: mean
        for name, metrics in report.baselines.items()
        if (mean := interval_of(metrics, ndcg)["mean"]) is not None
    }
    ours = interval_of(report.metrics, ndcg)["mean"]
    if not measured or ours is None:
        return first
    best = max(measured, key=lambda name: measured[name])
    times = f" ({ours / measured[best]:.2f} times its ndcg)" if measured[best] else ""
    comparison = report.comparisons.get(best)
    if comparison is None or comparison.verdict == "no difference shown":
        return f"{first} No difference from the best simpler ranking, {best}, could be shown{times}."
    place = "ahead of" if comparison.verdict == "better" else "behind"
    return (
        f"{first} The full pipeline is **{place} the best simpler ranking**, {best}{times}, and chance does not "
        f"explain it ({p_text(comparison)})."
    )
