"""The report: one self-contained HTML page that a product owner can read."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from recsys.counts import counted
from recsys.eval.confidence import Comparison, Verdict
from recsys.eval.report import plots
from recsys.eval.report.details import (
    calibration_section,
    candidates_section,
    data_section,
    features_section,
    importances_section,
    off_policy_section,
    trials_section,
)
from recsys.eval.report.dials import dial_sections
from recsys.eval.report.finding import finding
from recsys.eval.report.metric_cells import (
    METRICS,
    interval_cells,
    interval_of,
    mean_text,
    metric_label,
    named,
    p_text,
    span_text,
)
from recsys.eval.report.page import bullet_list, page, plot, section, table
from recsys.eval.results import EvaluationReport

FULL = "full pipeline"
_LONGEST_NAME = 48
_SLICES: Mapping[str, str] = {
    "cold_item": "wanted item is new or hardly known",
    "warm_item": "wanted item is well known",
    "cold_user": "user is new or hardly known",
    "warm_user": "user is known",
    "light": "third of the requests, with the shortest histories",
    "heavy": "third of the requests, with the longest histories",
}
_SHORT: Mapping[Verdict, str] = {"better": "better", "worse": "worse", "no difference shown": "="}
_OPPOSITE: Mapping[Verdict, Verdict] = {
    "better": "worse",
    "worse": "better",
    "no difference shown": "no difference shown",
}


def write_report(path: Path, report: EvaluationReport) -> None:
    """Write the page: no scripts, nothing loaded from elsewhere; all text of the data is escaped."""
    path.write_text(render(report), encoding="utf-8")


def render(report: EvaluationReport) -> str:
    """The page as text."""
    title = f"Recommendation quality: {report.dataset}"
    sections = (
        _summary(report),
        _rankings(report),
        _pairs(report),
        _slices(report),
        dial_sections(report),
        off_policy_section(report),
        candidates_section(report),
        calibration_section(report),
        importances_section(report),
        trials_section(report),
        features_section(report),
        data_section(report),
        _glossary(report),
    )
    return page(title, "".join(sections))


def _summary(report: EvaluationReport) -> str:
    cards = []
    for name in ("hit_rate", "recall", "ndcg", "coverage", "diversity"):
        form, meaning = METRICS[name]
        figure = interval_of(report.metrics, named(name, report.k))
        cards.append(
            f'<div class="card"><h3>{metric_label(name)} <small>@{report.k}</small></h3>'
            f'<p class="big">{mean_text(figure, form)}</p><p class="span">{span_text(figure, form)}</p>'
            f"<p>{escape(meaning)}</p></div>"
        )
    return (
        f"<header><h1>Recommendation quality</h1><p>{escape(report.dataset)} · version <code>{escape(report.version)}"
        f"</code> · {counted(report.n_requests, 'request')} · lists of {report.k}</p></header>"
        f'<p class="verdict">{_verdict(report)}</p><div class="cards">{"".join(cards)}</div>{_caveats(report)}'
    )


def _verdict(report: EvaluationReport) -> str:
    """The finding as HTML."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(finding(report)))


def _caveats(report: EvaluationReport) -> str:
    if not report.caveats:
        return ""
    return f'<aside class="caveats"><h2>Before you rely on this</h2>{bullet_list(report.caveats)}</aside>'


def _rankings(report: EvaluationReport) -> str:
    ndcg = f"ndcg@{report.k}"
    groups = (
        ("Simpler rankings", report.baselines, plots.PLAIN),
        ("Without one part", report.ablation, plots.SOFT),
    )
    rows = [f'<tr class="full"><th scope="row">{FULL}</th><td></td>{interval_cells(report.metrics, report.k)}</tr>']
    chart = [(FULL, interval_of(report.metrics, ndcg), plots.ACCENT)]
    for heading, group, colour in groups:
        if group:
            rows.append(f'<tr class="group"><th colspan="{len(METRICS) + 2}" scope="colgroup">{heading}</th></tr>')
        for name, metrics in group.items():
            compared = _compared(report.comparisons[name]) if name in report.comparisons else ""
            cells = f'<td class="compared">{compared}</td>{interval_cells(metrics, report.k)}'
            rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
            chart.append((name, interval_of(metrics, ndcg), colour))
    headings = ["ranking", "full pipeline is", *map(metric_label, METRICS)]
    return section(
        "Against simpler rankings",
        "The same requests for all, over the whole catalogue unless a request names its candidates; ties never count "
        "in a ranking's favour. Small figures and "
        "lines are 95 % intervals: how far a figure may be off because other users could have been asked.",
        plot(
            plots.interval_bars(chart, ndcg),
            f"Bars of {ndcg} with 95 % intervals: "
            + "; ".join(f"{name} {mean_text(figure, '{:.3f}')}" for name, figure, _ in chart),
            f"{ndcg}: full pipeline (blue), simpler rankings (grey), pipeline without one part (brown).",
        )
        + table(f"Every ranking, lists of {report.k}; the second column compares ndcg in pairs", headings, rows),
    )


def _pairs(report: EvaluationReport) -> str:
    """Every ranking against every other one: the row's verdict on the column."""
    if not report.pairs:
        return ""
    ndcg = f"ndcg@{report.k}"
    others = {**report.baselines, **report.ablation}
    verdicts = {(FULL, name): comparison for name, comparison in report.comparisons.items()} | dict(report.pairs)
    names = sorted(
        (FULL, *others), key=lambda name: -(interval_of(others.get(name, report.metrics), ndcg)["mean"] or 0.0)
    )
    rows = []
    for place, first in enumerate(names):
        cells = []
        for second in names[place + 1 :]:
            comparison = verdicts.get((first, second))
            # The pair may be kept the other way round: what it says of the row is the opposite.
            found = comparison.verdict if comparison else _OPPOSITE[verdicts[second, first].verdict]
            cells.append(f'<td class="{found.split()[0]}">{_SHORT[found]}</td>')
        rows.append(f'<tr><th scope="row">{place + 1}. {escape(first)}</th>{"<td></td>" * place}{"".join(cells)}</tr>')
    headings = ["row is ... than column", *(f"{place}." for place in range(2, len(names) + 1))]
    return section(
        "Any two rankings",
        f"Whether the ranking of the row has a higher {ndcg} than that of the column on the same requests, best "
        "first: a paired bootstrap over users, at 95 %. = means that no difference could be shown.",
        f"<details><summary>{counted(len(verdicts), 'verdict')}</summary>"
        + table("Verdicts of the row on the column", headings, rows)
        + "</details>",
    )


def _compared(comparison: Comparison) -> str:
    return (
        f'<span class="{comparison.verdict.split()[0]}">{comparison.verdict}</span>'
        f"<small>{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f})</small>"
        f"<small>{p_text(comparison)}</small>"
    )


def _slices(report: EvaluationReport) -> str:
    slices = {name: part for name, part in report.slices.items() if part.n_requests}
    if not slices:
        return ""
    ndcg = f"ndcg@{report.k}"
    rows, chart = [], [("all requests", interval_of(report.metrics, ndcg), plots.ACCENT)]
    for name, part in slices.items():
        meaning = f"<small>{_SLICES[name]}</small>" if name in _SLICES else ""
        label = _shortened(name.replace("_", " "))
        rows.append(
            f'<tr><th scope="row">{escape(label)}{meaning}</th><td>{part.n_requests:,}</td>'
            f"{interval_cells(part.metrics, report.k)}</tr>"
        )
        chart.append((label, interval_of(part.metrics, ndcg), plots.PLAIN))
    return section(
        "For whom it works",
        "The full pipeline on kinds of requests. Few requests make wide intervals.",
        plot(
            plots.interval_bars(chart, f"{ndcg} of the full pipeline"),
            f"Bars of {ndcg} by kind of request: "
            + "; ".join(f"{name} {mean_text(figure, '{:.3f}')}" for name, figure, _ in chart),
            f"{ndcg} of the full pipeline by kind of request.",
        )
        + table("Full pipeline by kind of request", ["requests", "number", *map(metric_label, METRICS)], rows),
    )


def _shortened(name: str) -> str:
    """A name that fits beside a bar. The end of a path of categories says more than its beginning."""
    kind, separator, path = name.partition(": ")
    if len(name) <= _LONGEST_NAME or not separator:
        return name[:_LONGEST_NAME]
    end = path[len(name) - _LONGEST_NAME + 1 :]
    return f"{kind}: …{end.partition(' ')[2] or end}"


def _glossary(report: EvaluationReport) -> str:
    entries = "".join(
        f"<dt>{metric_label(named(name, report.k))}</dt><dd>{escape(meaning)}</dd>"
        for name, (_, meaning) in METRICS.items()
    )
    return section("Words", "What the figures say.", f"<dl>{entries}</dl>")
