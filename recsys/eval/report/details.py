"""Sections of the report behind the figures: candidates, probabilities, features, settings, data, and what else lists
could earn.

Each is empty where the report has nothing of it.
"""

from collections.abc import Mapping
from html import escape

from recsys.counts import counted
from recsys.eval.offpolicy import OffPolicy
from recsys.eval.report import plots
from recsys.eval.report.metric_cells import mean_text, metric_label, span_text
from recsys.eval.report.page import plot, section, table
from recsys.eval.results import SHIFTED, STABLE, EvaluationReport
from recsys.moments import moment_of

_MOST_FEATURES = 20


def off_policy_section(report: EvaluationReport) -> str:
    """What the measured lists would have earned, where propensities were logged."""
    found = report.off_policy
    if found is None:
        return ""
    rows = [
        f'<tr><th scope="row">{name}<small>{meaning}</small></th><td>{mean_text(figure, "{:.4f}")}'
        f"<small>{span_text(figure, '{:.4f}')}</small></td></tr>"
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
        else "Too little of what was shown, or of what was wanted there, agrees with these lists: do not rely on the "
        "estimates; explore more."
    )
    return section(
        "What these lists would have earned",
        f"Estimated from impressions whose probability was logged: reward per position. {trust}",
        table(_diagnostics(found), ["lists", "reward per position"], rows, "roomy"),
    )


def _diagnostics(found: OffPolicy) -> str:
    """How much the estimates rest on."""
    behind = (
        f" {found.n_behind:,} of them stand behind the longest list that is ranked, and count as not placed."
        if found.n_behind
        else ""
    )
    later = (
        f" {found.n_later:,} more, on later pages, are left out: their probabilities depend on the pages before."
        if found.n_later
        else ""
    )
    rewarded = (
        ""
        if found.rewarded_sample_size is None
        else f", of those that earned something {found.rewarded_sample_size:,.0f}"
    )
    return (
        f"{found.n_placements:,} placements, effective sample size {found.effective_sample_size:,.0f}{rewarded}, mean "
        f"weight {found.mean_weight:.2f} (1 is ideal), largest {found.max_weight:.1f}, {found.clipped:.1%} cut."
        f"{behind}{later}"
    )


def _most_first(weights: Mapping[str, float]) -> str:
    """The sources that count most first, each with its weight."""
    return ", ".join(f"{name} {weight:.2f}" for name, weight in sorted(weights.items(), key=lambda pair: -pair[1]))


def candidates_section(report: EvaluationReport) -> str:
    """How much of what was wanted the sources propose."""
    if report.candidates is None:
        return ""
    found = report.candidates
    together = "all together"
    values = {together: found.merged} | dict(sorted(found.sources.items(), key=lambda pair: -pair[1]))
    listing = "; ".join(f"{name} {value:.1%}" for name, value in values.items())
    counted = "".join(
        f" {who} count {_most_first(weights)}."
        for who, key in (("Sources", "known"), ("For users without a history they", "newcomers"))
        if (weights := found.weights.get(key))
    )
    return section(
        "Candidates",
        f"Before ranking, sources propose {found.budget:,} items a request. What is not among them cannot be listed: "
        f"{found.merged:.1%} is the ceiling of recall.{counted}",
        plot(
            plots.bars(values, f"recall at {found.budget} candidates", "{:.1%}", together),
            f"Wanted items among {found.budget} candidates, by the sources that have them among their best: {listing}",
            "Share of the wanted items that are candidates, and that each source has among its best.",
        ),
    )


def calibration_section(report: EvaluationReport) -> str:
    """Predicted probabilities against what happened."""
    figures = [
        plot(
            plots.reliability_diagram(bins, name),
            f"Reliability of {name}: expected calibration error {bins.expected_calibration_error:.3f}",
            f"{name}: expected calibration error {bins.expected_calibration_error:.3f} "
            f"over {int(bins.counts.sum()):,} predictions; {bins.ratio_in_words}",
        )
        for name, bins in report.calibration.items()
        if len(bins.counts)
    ]
    if not figures:
        return ""
    return section(
        "Do probabilities mean what they say?",
        "Each point is a group of equally many predictions. On the dashed line, of the items given 20 %, 20 % were "
        "wanted; below it the model promises too much. If impressions are logged, lists that nobody chose from count.",
        f'<div class="pair">{"".join(figures)}</div>',
    )


def importances_section(report: EvaluationReport) -> str:
    """The features that brought most of the ranker's gain."""
    total = sum(report.importances.values())
    if not total:
        return ""
    ordered = sorted(report.importances.items(), key=lambda pair: -pair[1])
    shares = {name: gain / total for name, gain in ordered[:_MOST_FEATURES]}
    listing = "; ".join(f"{name} {share:.1%}" for name, share in shares.items())
    left_out = len(ordered) - len(shares)
    return section(
        "What the ranker looks at",
        "Share of the ranker's gain that each feature brought in training"
        + (f"; the {left_out} weakest are left out." if left_out else "."),
        plot(plots.bars(shares, "share of gain", "{:.1%}"), f"Feature importance: {listing}", "Feature importance."),
    )


def trials_section(report: EvaluationReport) -> str:
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
    return section(
        "Settings that were tried",
        f"Of {len(report.trials)} settings of the ranker the first was taken. They were judged on the newest requests "
        "of the ranker window, over the candidates; the test had no part in it.",
        table("Trials, best first", ["trial", "ndcg@10", *map(metric_label, keys)], rows),
    )


def features_section(report: EvaluationReport) -> str:
    """Every column of the ranker: what it is, how often it is known, and how far it has moved."""
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
    shifted = sum(row.drift is not None and row.drift >= SHIFTED for row in report.features)
    headings = ["feature", "group", "share of gain", "has a value", "median (5 % to 95 %)", "drift"]
    strongest, others = rows[:_MOST_FEATURES], rows[_MOST_FEATURES:]
    rest = f"<details><summary>{counted(len(others), 'weaker one')}</summary>{{}}</details>" if others else ""
    return section(
        "Features",
        f"What the ranker saw of each candidate, in the window it learned from. {shifted} of {len(rows)} have shifted "
        "by the test window: what was learned from them may no longer hold. A feature that brings far more than all "
        "others together may know what it should not.",
        table("Features, strongest first", headings, strongest, "roomy")
        + rest.format(table("Weaker features", headings, others, "roomy")),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _drift(value: float | None) -> str:
    if value is None:
        return ""
    return "stable" if value < STABLE else "moving" if value < SHIFTED else "shifted"


def data_section(report: EvaluationReport) -> str:
    """The windows of the log, and the facts about the data."""
    windows = [
        f'<tr><th scope="row">{escape(window.name)}</th><td>{_minute(window.start)}</td><td>{_minute(window.end)}</td>'
        f'<td>{window.n_events:,}</td><td class="text">{escape(window.use)}</td></tr>'
        for window in report.windows
    ]
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in report.facts.items())
    if not windows and not facts:
        return ""
    windows_table = (
        table("Windows of the log", ["window", "from", "to", "events", "used for"], windows, "wordy") if windows else ""
    )
    return section(
        "Data",
        "Which part of the log was used for what.",
        windows_table + (f"<dl>{facts}</dl>" if facts else ""),
    )


def _minute(time: int) -> str:
    return f"{moment_of(time):%Y-%m-%d %H:%M}"
