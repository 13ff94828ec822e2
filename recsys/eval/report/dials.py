"""Sections of the report on what the dials of the policy cost: discovery and diversity."""

from typing import NamedTuple, get_args

from recsys.eval.dial import KEPT_NDCG, DialName, DialPoint, best_setting
from recsys.eval.report import plots
from recsys.eval.report.page import plot, section
from recsys.eval.results import EvaluationReport


class _Words(NamedTuple):
    """How the page speaks of a dial."""

    axis: str
    """what it gives, as the name of an axis"""
    further_right: str
    """what is more of it"""
    none: str
    """where no setting is worth it"""


_WORDS: dict[DialName, _Words] = {
    "discovery": _Words(
        "positions of hardly known items", "positions have such an item", "lists more hardly known items"
    ),
    "diversity": _Words("diversity", "unlike the items of a list", "makes lists more diverse"),
}


def dial_sections(report: EvaluationReport) -> str:
    """The curve of each dial that was measured, and what the owner may spend."""
    return "".join(_dial_section(name, report.dials.get(name, ()), report.k) for name in get_args(DialName))


def _dial_section(name: DialName, points: tuple[DialPoint, ...], k: int) -> str:
    best, base = best_setting(points, name), next((point for point in points if point.dial == 0.0), None)
    if best is None or base is None or not base.ndcg or not best.gain(name):
        return ""
    if name == "diversity" and not base.diversity:  # nothing to compare with: all that is listed reads alike
        return ""
    words, kept = _WORDS[name], best.ndcg / base.ndcg
    listing = "; ".join(f"{point.dial:g}: {point.ndcg:.3f} at {point.gain(name):.2f}" for point in points)
    finding = (
        f"At policy.{name} = {best.dial:g}, {_finding(name, base, best)}, and {kept:.0%} of the ndcg is kept."
        if best.dial
        else f"No setting of policy.{name} {words.none} and keeps {100 * KEPT_NDCG:.0f} % of the ndcg."
    )
    curve = [(f"{point.dial:g}", point.gain(name), point.ndcg) for point in points]
    return section(
        f"What {name} costs",
        finding,
        plot(
            plots.trade_off(curve, words.axis, k),
            f"ndcg and {words.axis} by setting of the dial: {listing}",
            f"Each point is a setting of policy.{name}, all on the same requests: the further right, the more "
            f"{words.further_right}; the higher, the better the order.",
        ),
    )


def _finding(name: DialName, base: DialPoint, best: DialPoint) -> str:
    if name == "diversity":
        return f"the items of a list are {best.diversity / base.diversity - 1:.0%} more unlike one another"
    return (
        f"{best.hardly_known:.1%} of the positions have an item with fewer than five positive events so far, "
        f"instead of {base.hardly_known:.1%}"
    )
