"""The report: one self-contained HTML page that a product owner can read."""

import importlib.resources
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from recsys.eval import plots
from recsys.eval.confidence import Comparison, Interval, Verdict
from recsys.eval.dial import within
from recsys.eval.protocol import Metrics
from recsys.eval.results import EvaluationReport

FULL = "full pipeline"
_MOST_FEATURES = 20
_LONGEST_NAME = 48
_STABLE, _SHIFTED = 0.1, 0.25
"""Stability index below which a feature is stable, and from which on it has shifted (Siddiqi, 2006)."""
_NOTHING = Interval(mean=None, low=None, high=None)

# name: (form, what it says)
_METRICS: Mapping[str, tuple[str, str]] = {
    "ndcg": ("{:.3f}", "Are wanted items in the list, and near its top? 1 is the best possible order, 0 no hit."),
    "recall": ("{:.1%}", "Share of the items wanted that the list holds."),
    "hit_rate": ("{:.1%}", "Share of the lists that hold at least one item wanted."),
    "mrr": ("{:.3f}", "1 / place of the first item wanted: 1 if it is always first, 0.5 if always second."),
    "map": ("{:.3f}", "Precision at the place of each item wanted, averaged."),
    "auc": ("{:.3f}", "How often a wanted item stands before another one of the same candidates; 0.5 is chance."),
    "coverage": ("{:.1%}", "Share of the catalogue that appears in at least one list."),
    "personalisation": ("{:.1%}", "How unlike the lists of different users are: 0 % all get the same one."),
    "novelty": ("{:.1f}", "How little known the listed items are, in bits: one more is half as popular."),
    "diversity": ("{:.2f}", "How unlike the items of one list are: 0 alike, 1 unrelated."),
}
_SLICES: Mapping[str, str] = {
    "cold_item": "wanted item is new or hardly known",
    "warm_item": "wanted item is well known",
    "cold_user": "user is new or hardly known",
    "warm_user": "user is known",
    "light": "third of users with the shortest history",
    "heavy": "third of users with the longest history",
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
        _dial(report),
        _off_policy(report),
        _candidates(report),
        _calibration(report),
        _importances(report),
        _trials(report),
        _features(report),
        _data(report),
        _glossary(report),
    )
    return page(title, "".join(sections))


def page(title: str, body: str) -> str:
    """A page in the report's style: the title is escaped here, the body is HTML already."""
    style = (importlib.resources.files("recsys.eval") / "report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape(title)}</title>\n<style>\n{style}</style>\n'
        f"</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _summary(report: EvaluationReport) -> str:
    cards = []
    for name in ("hit_rate", "recall", "ndcg", "coverage", "diversity"):
        form, meaning = _METRICS[name]
        figure = _figure(report.metrics, _named(name, report.k))
        cards.append(
            f'<div class="card"><h3>{_heading(name)} <small>@{report.k}</small></h3>'
            f'<p class="big">{_mean(figure, form)}</p><p class="span">{_span(figure, form)}</p>'
            f"<p>{escape(meaning)}</p></div>"
        )
    return (
        f"<header><h1>Recommendation quality</h1><p>{escape(report.dataset)} · version <code>{escape(report.version)}"
        f"</code> · {report.n_requests:,} requests · lists of {report.k}</p></header>"
        f'<p class="verdict">{_verdict(report)}</p><div class="cards">{"".join(cards)}</div>{_caveats(report)}'
    )


def _verdict(report: EvaluationReport) -> str:
    """The finding in two sentences."""
    hit = _figure(report.metrics, f"hit_rate@{report.k}")
    if hit["mean"] is None:
        return "None of the requests names an item that was wanted, so nothing could be measured."
    first = f"<strong>{hit['mean']:.1%}</strong> of the lists of {report.k} hold an item that the user then wanted."
    ndcg = f"ndcg@{report.k}"
    measured = {
        name: mean for name, metrics in report.baselines.items() if (mean := _figure(metrics, ndcg)["mean"]) is not None
    }
    ours = _figure(report.metrics, ndcg)["mean"]
    if not measured or ours is None:
        return first
    best = max(measured, key=lambda name: measured[name])
    times = f" ({ours / measured[best]:.2f} times its ndcg)" if measured[best] else ""
    comparison = report.comparisons.get(best)
    if comparison is None or comparison.verdict == "no difference shown":
        finding = f"No difference from the best simpler ranking, {escape(best)}, could be shown{times}."
    else:
        place = "ahead of" if comparison.verdict == "better" else "behind"
        finding = (
            f"The full pipeline is <strong>{place} the best simpler ranking</strong>, {escape(best)}{times}, "
            f"and chance does not explain it ({_p_value(comparison)})."
        )
    return f"{first} {finding}"


def _caveats(report: EvaluationReport) -> str:
    if not report.caveats:
        return ""
    return f'<aside class="caveats"><h2>Before you rely on this</h2>{_list(report.caveats)}</aside>'


def _rankings(report: EvaluationReport) -> str:
    ndcg = f"ndcg@{report.k}"
    groups = (
        ("Simpler rankings", report.baselines, plots.PLAIN),
        ("Without one part", report.ablation, plots.SOFT),
    )
    rows = [f'<tr class="full"><th scope="row">{FULL}</th>{_cells(report.metrics, report.k)}<td></td></tr>']
    chart = [(FULL, _figure(report.metrics, ndcg), plots.ACCENT)]
    for heading, group, colour in groups:
        if group:
            rows.append(f'<tr class="group"><th colspan="{len(_METRICS) + 2}" scope="colgroup">{heading}</th></tr>')
        for name, metrics in group.items():
            compared = _compared(report.comparisons[name]) if name in report.comparisons else ""
            cells = f"{_cells(metrics, report.k)}<td>{compared}</td>"
            rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
            chart.append((name, _figure(metrics, ndcg), colour))
    headings = ["ranking", *map(_heading, _METRICS), "full pipeline is"]
    return _section(
        "Against simpler rankings",
        "The same requests for all, over the whole catalogue unless a request names its candidates; ties never count "
        "in a ranking's favour. Small figures and "
        "lines are 95 % intervals: how far a figure may be off because other users could have been asked.",
        _plot(
            plots.interval_bars(chart, ndcg),
            f"Bars of {ndcg} with 95 % intervals: "
            + "; ".join(f"{name} {_mean(figure, '{:.3f}')}" for name, figure, _ in chart),
            f"{ndcg}: full pipeline (blue), simpler rankings (grey), pipeline without one part (brown).",
        )
        + _table(f"Every ranking, lists of {report.k}; the last column compares ndcg in pairs", headings, rows),
    )


def _pairs(report: EvaluationReport) -> str:
    """Every ranking against every other one: the row's verdict on the column."""
    if not report.pairs:
        return ""
    ndcg = f"ndcg@{report.k}"
    others = {**report.baselines, **report.ablation}
    verdicts = {(FULL, name): comparison for name, comparison in report.comparisons.items()} | dict(report.pairs)
    names = sorted((FULL, *others), key=lambda name: -(_figure(others.get(name, report.metrics), ndcg)["mean"] or 0.0))
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
    return _section(
        "Any two rankings",
        f"Whether the ranking of the row has a higher {ndcg} than that of the column on the same requests, best "
        "first: a paired bootstrap over users, at 95 %. = means that no difference could be shown.",
        f"<details><summary>{len(verdicts)} verdicts</summary>"
        + _table("Verdicts of the row on the column", headings, rows)
        + "</details>",
    )


def _compared(comparison: Comparison) -> str:
    return (
        f'<span class="{comparison.verdict.split()[0]}">{comparison.verdict}</span>'
        f"<small>{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f}), "
        f"{_p_value(comparison)}</small>"
    )


def _slices(report: EvaluationReport) -> str:
    if not report.slices:
        return ""
    ndcg = f"ndcg@{report.k}"
    rows, chart = [], [("all requests", _figure(report.metrics, ndcg), plots.ACCENT)]
    for name, part in report.slices.items():
        meaning = f"<small>{_SLICES[name]}</small>" if name in _SLICES else ""
        label = _shortened(name.replace("_", " "))
        rows.append(
            f'<tr><th scope="row">{escape(label)}{meaning}</th><td>{part.n_requests:,}</td>'
            f"{_cells(part.metrics, report.k)}</tr>"
        )
        chart.append((label, _figure(part.metrics, ndcg), plots.PLAIN))
    return _section(
        "For whom it works",
        "The full pipeline on kinds of requests. Few requests make wide intervals.",
        _plot(
            plots.interval_bars(chart, f"{ndcg} of the full pipeline"),
            f"Bars of {ndcg} by kind of request: "
            + "; ".join(f"{name} {_mean(figure, '{:.3f}')}" for name, figure, _ in chart),
            f"{ndcg} of the full pipeline by kind of request.",
        )
        + _table("Full pipeline by kind of request", ["requests", "number", *map(_heading, _METRICS)], rows),
    )


def _dial(report: EvaluationReport) -> str:
    """The curve, and what the owner may spend."""
    best = within(report.dial, 0.95)
    base = next((point for point in report.dial if point.dial == 0.0), None)
    if best is None or base is None or not base.diversity or not base.ndcg:
        return ""
    gain, kept = best.diversity / base.diversity - 1, best.ndcg / base.ndcg
    listing = "; ".join(f"{point.dial:g}: {point.ndcg:.3f} at {point.diversity:.2f}" for point in report.dial)
    finding = (
        f"At policy.diversity = {best.dial:g} the items of a list are {gain:.0%} more unlike one another, and "
        f"{kept:.0%} of the ndcg is kept."
        if best.dial
        else "No setting of policy.diversity makes lists more diverse and keeps 95 % of the ndcg."
    )
    return _section(
        "What diversity costs",
        finding,
        _plot(
            plots.trade_off([(f"{point.dial:g}", point.diversity, point.ndcg) for point in report.dial], report.k),
            f"ndcg and diversity by setting of the dial: {listing}",
            "Each point is a setting of policy.diversity, on some of the same requests: the further right, the more "
            "unlike the items of a list; the higher, the better the order.",
        ),
    )


def _off_policy(report: EvaluationReport) -> str:
    """What the measured lists would have earned, where propensities were logged."""
    found = report.off_policy
    if found is None:
        return ""
    rows = [
        f'<tr><th scope="row">{name}<small>{meaning}</small></th><td>{_mean(figure, "{:.4f}")}'
        f"<small>{_span(figure, '{:.4f}')}</small></td></tr>"
        for name, meaning, figure in (
            ("shown lists", "what they earned", found.logged),
            ("IPS", "unbiased, uncertain", found.ips),
            ("SNIPS", "steadier", found.snips),
            ("doubly robust", "with the help of the predicted probabilities", found.dr),
        )
    ]
    trust = (
        "Enough of the shown lists agree with these to rely on the estimates."
        if found.reliable
        else "Too little of what was shown agrees with these lists: do not rely on the estimates; explore more."
    )
    diagnostics = (
        f"{found.n_placements:,} placements, effective sample size {found.effective_sample_size:,.0f}, mean weight "
        f"{found.mean_weight:.2f} (1 is ideal), largest {found.max_weight:.1f}, {found.clipped:.1%} cut."
    )
    return _section(
        "What these lists would have earned",
        f"Told from impressions whose probability was logged: reward per place. {trust}",
        _table(diagnostics, ["lists", "reward per place"], rows),
    )


def _candidates(report: EvaluationReport) -> str:
    if report.candidates is None:
        return ""
    found = report.candidates
    together = "all together"
    values = {together: found.merged} | dict(sorted(found.sources.items(), key=lambda pair: -pair[1]))
    listing = "; ".join(f"{name} {value:.1%}" for name, value in values.items())
    return _section(
        "Candidates",
        f"Before ranking, sources propose {found.budget:,} items a request. What is not among them cannot be listed: "
        f"{found.merged:.1%} is the ceiling of recall.",
        _plot(
            plots.bars(values, f"recall at {found.budget} candidates", "{:.1%}", together),
            f"Recall of each source at {found.budget} candidates: {listing}",
            "Share of the wanted items that each source alone, and all together, put among the candidates.",
        ),
    )


def _calibration(report: EvaluationReport) -> str:
    figures = [
        _plot(
            plots.reliability_diagram(bins, name),
            f"Reliability of {name}: expected calibration error {bins.expected_calibration_error:.3f}",
            f"{name}: expected calibration error {bins.expected_calibration_error:.3f} "
            f"over {int(bins.counts.sum()):,} predictions",
        )
        for name, bins in report.calibration.items()
        if len(bins.counts)
    ]
    if not figures:
        return ""
    return _section(
        "Do probabilities mean what they say?",
        "Each point is a group of equally many predictions. On the dashed line, of the items given 20 %, 20 % were "
        "wanted; below it the model promises too much.",
        f'<div class="pair">{"".join(figures)}</div>',
    )


def _importances(report: EvaluationReport) -> str:
    total = sum(report.importances.values())
    if not total:
        return ""
    ordered = sorted(report.importances.items(), key=lambda pair: -pair[1])
    shares = {name: gain / total for name, gain in ordered[:_MOST_FEATURES]}
    listing = "; ".join(f"{name} {share:.1%}" for name, share in shares.items())
    left_out = len(ordered) - len(shares)
    return _section(
        "What the ranker looks at",
        "Share of the ranker's gain that each feature brought in training"
        + (f"; the {left_out} weakest are left out." if left_out else "."),
        _plot(plots.bars(shares, "share of gain", "{:.1%}"), f"Feature importance: {listing}", "Feature importance."),
    )


def _trials(report: EvaluationReport) -> str:
    """The settings that were tried, best first."""
    if not report.trials:
        return ""
    keys = list(report.trials[0]["settings"])
    rows = [
        f'<tr><th scope="row">{trial["number"] + 1}</th><td>{trial["ndcg"]:.4f}</td>'
        + "".join(f"<td>{trial['settings'][key]:.3g}</td>" for key in keys)
        + "</tr>"
        for trial in report.trials[:_MOST_FEATURES]
    ]
    return _section(
        "Settings that were tried",
        f"Of {len(report.trials)} settings of the ranker the first was taken. They were judged on the newest requests "
        "of the ranker window, over the candidates; the test had no part in it.",
        _table("Trials, best first", ["trial", "ndcg@10", *map(_heading, keys)], rows),
    )


def _features(report: EvaluationReport) -> str:
    if not report.features:
        return ""
    total = sum(report.importances.values())
    ordered = sorted(report.features, key=lambda row: -report.importances.get(row.name, 0.0))
    rows = [
        f'<tr><th scope="row">{escape(row.name)}<small>{escape(row.meaning)}</small></th><td>{escape(row.group)}</td>'
        f"<td>{report.importances.get(row.name, 0.0) / (total or 1.0):.1%}</td>"
        f"<td>{row.coverage:.0%}<small>{row.newer_coverage:.0%} in the test</small></td>"
        f"<td>{_number(row.median)}<small>{_number(row.low)} to {_number(row.high)}</small></td>"
        f"<td>{_number(row.drift)}<small>{_drift(row.drift)}</small></td></tr>"
        for row in ordered
    ]
    shifted = sum(row.drift is not None and row.drift >= _SHIFTED for row in report.features)
    return _section(
        "Features",
        f"What the ranker saw of each candidate, in the window it learned from. {shifted} of {len(rows)} have shifted "
        "by the test window: what was learned from them may no longer hold. A feature that brings far more than all "
        "others together may know what it should not.",
        _table(
            "Features, strongest first",
            ["feature", "group", "share of gain", "has a value", "median (5 % to 95 %)", "drift"],
            rows,
        ),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _drift(value: float | None) -> str:
    if value is None:
        return ""
    return "stable" if value < _STABLE else "moving" if value < _SHIFTED else "shifted"


def _data(report: EvaluationReport) -> str:
    windows = [
        f'<tr><th scope="row">{escape(window.name)}</th><td>{_day(window.start)}</td><td>{_day(window.end)}</td>'
        f'<td>{window.n_events:,}</td><td class="text">{escape(window.use)}</td></tr>'
        for window in report.windows
    ]
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in report.facts.items())
    if not windows and not facts:
        return ""
    table = _table("Windows of the log", ["window", "from", "to", "events", "used for"], windows) if windows else ""
    return _section(
        "Data",
        "Which part of the log was used for what.",
        table + (f"<dl>{facts}</dl>" if facts else ""),
    )


def _glossary(report: EvaluationReport) -> str:
    entries = "".join(
        f"<dt>{_heading(_named(name, report.k))}</dt><dd>{escape(meaning)}</dd>"
        for name, (_, meaning) in _METRICS.items()
    )
    return _section("Words", "What the figures say.", f"<dl>{entries}</dl>")


def _section(title: str, lead: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(lead)}</p>{body}</section>\n"


def _plot(svg: str, description: str, caption: str) -> str:
    return (
        f'<figure><div role="img" aria-label="{escape(description)}">{svg}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _table(caption: str, headings: Iterable[str], rows: Iterable[str]) -> str:
    """A table of rows that are HTML already; the headings are escaped here."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _list(entries: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(entry)}</li>' for entry in entries)}</ul>"


def _named(name: str, k: int) -> str:
    return name if name == "auc" else f"{name}@{k}"


def _shortened(name: str) -> str:
    """A name that fits beside a bar. The end of a path of categories says more than its beginning."""
    kind, separator, path = name.partition(": ")
    if len(name) <= _LONGEST_NAME or not separator:
        return name[:_LONGEST_NAME]
    end = path[len(name) - _LONGEST_NAME + 1 :]
    return f"{kind}: …{end.partition(' ')[2] or end}"


def _heading(metric: str) -> str:
    return metric.replace("_", " ")


def _figure(metrics: Metrics, name: str) -> Interval:
    return metrics.get(name, _NOTHING)


def _mean(figure: Interval, form: str) -> str:
    return "–" if figure["mean"] is None else form.format(figure["mean"])


def _span(figure: Interval, form: str) -> str:
    low, high = figure["low"], figure["high"]
    if low is None or high is None or low == high:
        return ""
    return f"{form.format(low)}–{form.format(high)}"


def _cells(metrics: Metrics, k: int) -> str:
    """Table cells of every metric, each with its interval."""
    figures = [(_figure(metrics, _named(name, k)), form) for name, (form, _) in _METRICS.items()]
    return "".join(f"<td>{_mean(figure, form)}<small>{_span(figure, form)}</small></td>" for figure, form in figures)


def _p_value(comparison: Comparison) -> str:
    return "p < 0.001" if comparison.p_value < 0.001 else f"p = {comparison.p_value:.3f}"


def _day(time: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).strftime("%Y-%m-%d %H:%M")
