"""Plots as inline SVG: no files beside the page, and text in the page's own colour, so that they fit a dark one too."""

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recsys.eval.confidence import Interval
from recsys.eval.dial import KEPT_NDCG
from recsys.eval.metrics.reliability import Reliability

_INK = "#010203"  # stands for the page's text colour, and is replaced by it
ACCENT, PLAIN, SOFT = "#2f74e0", "#8c97a8", "#b78a3a"
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PLAIN,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": PLAIN,
    "grid.alpha": 0.3,
}


def interval_bars(rows: Sequence[tuple[str, Interval, str]], label: str) -> str:
    """Horizontal bars with their intervals, first row on top.

    Args:
        rows: name, figure and colour of each bar; a figure that is None is left out.
        label: of the axis.
    """

    def draw(axes: Axes) -> None:
        for name, figure, colour in rows:
            mean, low, high = figure["mean"], figure["low"], figure["high"]
            if mean is None or low is None or high is None:
                continue
            axes.barh([name], [mean], color=colour, height=0.62)
            axes.plot([low, high], [name, name], color=_INK, linewidth=1.4, marker="|", markersize=7)
            axes.annotate(f"{mean:.3f}", (high, name), (7, 0), textcoords="offset points", va="center")
        _finish_bars(axes, label)

    return _svg(7.4, 0.55 + 0.36 * len(rows), f"bars-{label}", draw)


def bars(values: Mapping[str, float], label: str, form: str, highlighted: str = "") -> str:
    """Horizontal bars in the order given, each with its value written as `form` says."""
    names, lengths = list(values), list(values.values())

    def draw(axes: Axes) -> None:
        axes.barh(names, lengths, color=[ACCENT if name == highlighted else PLAIN for name in names], height=0.62)
        for name, length in values.items():
            axes.annotate(form.format(length), (length, name), (6, 0), textcoords="offset points", va="center")
        _finish_bars(axes, label)

    return _svg(7.4, 0.55 + 0.3 * len(names), f"bars-{label}", draw)


def reliability_diagram(bins: Reliability, label: str) -> str:
    """Observed share against predicted probability; the diagonal is perfect. DeGroot & Fienberg, 1983."""

    def draw(axes: Axes) -> None:
        top = 1.08 * max(float(bins.predicted.max(initial=0)), float(bins.observed.max(initial=0)), 1e-6)
        axes.plot([0, top], [0, top], color=PLAIN, linestyle="--", linewidth=1)
        axes.plot(bins.predicted, bins.observed, color=ACCENT, marker="o", markersize=4.5, linewidth=1.6)
        axes.set(xlabel=f"predicted {label}", ylabel="share that happened", xlim=(0, top), ylim=(0, top))
        axes.grid(True)
        axes.set_axisbelow(True)

    return _svg(3.6, 3.2, f"reliability-{label}", draw)


def trade_off(points: Sequence[tuple[str, float, float]], gained: str, k: int) -> str:
    """A line through (label, gain, ndcg), points with their labels; dashed: what of the ndcg is to be kept."""

    def draw(axes: Axes) -> None:
        across, up = [point[1] for point in points], [point[2] for point in points]
        axes.plot(across, up, color=ACCENT, marker="o", markersize=4.5, linewidth=1.6)
        axes.axhline(KEPT_NDCG * up[0], color=PLAIN, linestyle="--", linewidth=1)
        apart, labelled = 0.06 * (max(across) - min(across)), -math.inf
        for label, x, y in points:  # a label that would lie over the last one is left out
            if abs(x - labelled) >= apart:
                axes.annotate(label, (x, y), (4, 5), textcoords="offset points")
                labelled = x
        axes.set(xlabel=f"{gained}@{k}", ylabel=f"ndcg@{k}")
        axes.set_ylim(0, 1.15 * max(up) or 1)  # with room for the labels
        axes.grid(True)
        axes.set_axisbelow(True)

    return _svg(5.2, 3.2, f"trade-off of {gained}", draw)


def _finish_bars(axes: Axes, label: str) -> None:
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.margins(x=0.12, y=0.02)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)


def _svg(width: float, height: float, salt: str, draw: Callable[[Axes], object]) -> str:
    """Draw and serialise; `salt` keeps the ids of several plots on one page apart, and the bytes reproducible."""
    buffer = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt}), warnings.catch_warnings():
        # The browser draws the letters; that matplotlib's font lacks some only makes its measure a little off.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=(width, max(height, 1.1)), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Names such as axes_1 repeat in every plot, and nothing refers to them.
    return re.sub(r'<g id="[\w.]+_[0-9]+"', "<g", text)
