"""The JSON object and the page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browsing import chromium
from measured import N_REQUESTS, measurement

from benchmarks.dense_lists import top_k
from recsys.eval.dial import DialPoint
from recsys.eval.metrics.reliability import reliability
from recsys.eval.offpolicy import LoggedPlacements, off_policy
from recsys.eval.protocol import evaluate_lists
from recsys.eval.ranking import Targets
from recsys.eval.report.plots import trade_off
from recsys.eval.report.render import render, write_report
from recsys.eval.results import CandidateRecall, EvaluationReport, FeatureRow, Window
from recsys.eval.summary import summarise

NASTY = "<script>alert('&\"$x$')</script> 茶"
_AT_10 = ("ndcg", "recall", "hit_rate", "mrr", "map", "coverage", "personalisation", "novelty", "diversity")
LONG = "category: Industrial & Scientific Additive Manufacturing Products 3D Printing Supplies 3D Printing Filament"
VOID = {"meta", "path", "use", "rect", "br", "circle"}


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    rng = np.random.default_rng(2)
    predicted = rng.random(500).astype(np.float32)
    mask = np.arange(N_REQUESTS) < 40
    figures = summarise(
        measurement(0.5),
        baselines={"popularity": measurement(0.0), "ease": measurement(0.3)},
        ablation={NASTY: measurement(0.5)},
        slices={"cold_item": mask, "cold_user": mask & False, NASTY: ~mask, LONG: mask},
    )
    return replace(
        figures,
        version=NASTY,
        dataset=NASTY,
        windows=(Window("history", 0, 86_400_000_000, 1_234, NASTY), Window("test", 1, 2, 5, "measured")),
        facts={NASTY: NASTY},
        caveats=("no impressions in the log: candidates served as negatives", NASTY),
        candidates=CandidateRecall(300, 0.43, {"ease": 0.4, NASTY: 0.2}),
        calibration={
            "p_click": reliability(predicted, rng.random(500) < predicted),
            "p_purchase": reliability(predicted[:0], predicted[:0] > 0),
        },
        dials={
            "discovery": (DialPoint(0.0, 0.2, 0.5, 0.05), DialPoint(0.4, 0.199, 0.5, 0.125)),
            "diversity": (DialPoint(0.0, 0.2, 0.5), DialPoint(0.4, 0.195, 0.6), DialPoint(0.8, 0.15, 0.8)),
        },
        off_policy=off_policy(
            LoggedPlacements(
                *(np.full(50, value) for value in (1.0, 0.5, 1.0, 0.2, 0.3)), np.arange(50, dtype=np.int32)
            )
        ),
        features=(
            FeatureRow(NASTY, "behaviour", NASTY, 1.0, 0.5, 0.0, 1.0, 250.0, 0.31),
            FeatureRow("feature_1", "text", "never there", 0.0, 0.0, None, None, None, 0.0),
        ),
        importances={NASTY: 3.0} | {f"feature_{number}": 1.0 for number in range(30)},
    )


class Page(HTMLParser):
    """Collects tags, attributes and words; checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_json_has_the_keys_of_the_contract(report: EvaluationReport) -> None:
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(found)[:6] == ["version", "n_requests", "metrics", "baselines", "ablation", "slices"]
    names = {f"{name}@10" for name in _AT_10}
    every = [found["metrics"], *found["baselines"].values(), *found["ablation"].values(), *found["slices"].values()]
    for metrics in every:
        assert set(metrics) == names | {"auc"}
        assert all(set(interval) == {"mean", "low", "high"} for interval in metrics.values())
    assert found["n_requests"] == N_REQUESTS
    assert found["slice_sizes"] == {"cold_item": 40, "cold_user": 0, NASTY: 260, LONG: 40}
    assert all(figure == {"mean": None, "low": None, "high": None} for figure in found["slices"]["cold_user"].values())
    assert found["comparisons"]["popularity"]["verdict"] == "better"
    assert found["comparisons"][NASTY]["verdict"] == "no difference shown"
    assert found["calibration"]["p_purchase"]["expected_calibration_error"] is None
    assert found["off_policy"]["reliable"] is False


def test_page_is_whole_escaped_and_self_contained(report: EvaluationReport, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe"}
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(http" not in text
    assert "".join(page.words).count(NASTY) >= 8
    assert "cold item" in page.words
    assert "cold user" not in page.words


def test_plots_have_descriptions_and_ids_are_unique(report: EvaluationReport) -> None:
    page = Page(render(report))
    figures = [attributes["aria-label"] for tag, attributes in page.tags if attributes.get("role") == "img" and tag]
    assert len(figures) == [tag for tag, _ in page.tags].count("svg") == 7
    assert all(figures)
    assert "category: …Supplies 3D Printing Filament" in page.words
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_fits_a_narrow_screen(report: EvaluationReport, tmp_path: Path) -> None:
    """320 pixels: WCAG 2.2, 1.4.10. Tables scroll within themselves."""
    write_report(tmp_path / "report.html", replace(report, dataset="a_name_without_a_space_" * 5))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 320, "height": 700})
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_page_says_who_is_ahead(report: EvaluationReport) -> None:
    words = "".join(Page(render(report)).words)
    assert "ahead of the best simpler ranking, ease" in words
    assert "no impressions in the log" in words
    assert "cold user" not in words  # an empty slice is left out
    assert "the 11 weakest are left out" in words


def test_the_verdict_stands_beside_the_name(report: EvaluationReport) -> None:
    """Behind ten figures it lay outside a window of 1,300 pixels."""
    page = render(report)
    assert '<th scope="row">popularity</th><td class="compared"><span class="better">' in page
    table = page[page.index("Every ranking") :]
    assert table.index(">full pipeline is<") < table.index(">ndcg<")


def test_any_two_rankings_have_a_verdict(report: EvaluationReport) -> None:
    pairs = {(pair["first"], pair["second"]): pair["verdict"] for pair in report.to_json()["pairs"]}
    assert pairs["popularity", "ease"] == "worse"
    assert len(pairs) == 3  # of the three others; the full pipeline's are the comparisons
    assert "Any two rankings" in render(report)
    back = EvaluationReport.from_json(json.loads(json.dumps(report.to_json())))
    assert back.pairs == report.pairs


def test_page_says_what_the_dials_cost_and_other_lists_would_have_earned(report: EvaluationReport) -> None:
    page = render(report)
    assert "At policy.diversity = 0.4, the items of a list are 20% more unlike one another, and 98% of the" in page
    assert "12.5% of the positions have an item with fewer than five positive events so far, instead of 5.0%" in page
    assert "50 placements, effective sample size 50" in page
    assert "do not rely on the estimates" in page


def test_a_dial_that_gives_nothing_is_reported_or_left_out(report: EvaluationReport) -> None:
    nothing = {
        "discovery": (DialPoint(0.0, 0.2, 0.0, 0.05), DialPoint(0.4, 0.1, 0.0, 0.5)),
        "diversity": (DialPoint(0.0, 0.2, 0.0), DialPoint(0.4, 0.2, 0.3)),
    }
    page = render(replace(report, dials=nothing))
    assert "No setting of policy.discovery lists more hardly known items and keeps 95 % of the ndcg." in page
    assert "What diversity costs" not in page, "lists of items that read alike can be compared with nothing"
    assert "What discovery costs" not in render(replace(report, dials={"discovery": (DialPoint(0.0, 0.2, 0.0),)}))


def test_labels_of_a_curve_do_not_lie_over_one_another() -> None:
    points = [("0", 0.01, 0.3), ("0.1", 0.011, 0.3), ("0.2", 0.012, 0.29), ("0.8", 0.1, 0.2), ("0.9", 0.02, 0.2)]
    drawn = re.findall(r"<text[^>]*>(0\.?\d?)</text>", trade_off(points, "diversity", 10))
    assert drawn[-3:] == ["0", "0.8", "0.9"]


def test_the_page_repeats_byte_for_byte(report: EvaluationReport) -> None:
    assert render(report) == render(report)


def test_a_loss_and_a_draw_are_said_as_plainly() -> None:
    for ours, theirs, expected in ((0.1, 0.5, "behind the best"), (0.3, 0.3, "No difference from the best")):
        lost = summarise(measurement(ours), baselines={"ease": measurement(theirs)}, ablation={}, slices={})
        assert expected in "".join(Page(render(lost)).words)
        told = [line for line in lost.caveats if "A simpler ranking, ease, is better than the full pipeline" in line]
        assert bool(told) == (ours < theirs)


def test_where_nothing_of_what_was_predicted_happened_the_page_says_so(report: EvaluationReport) -> None:
    """As where all items wanted are unknown, or nobody bought anything in a short window."""
    words = "".join(Page(render(report)).words)
    assert "over 500 predictions; 1." in words or "over 500 predictions; 0." in words
    nothing = {"p_click": reliability(np.full(4, 0.5, dtype=np.float32), np.zeros(4, dtype=bool))}
    words = "".join(Page(render(replace(report, calibration=nothing))).words)
    assert "over 4 predictions; none of it happened" in words
    assert "inf" not in words.split()


def test_a_report_of_requests_without_targets_says_that_nothing_was_measured() -> None:
    lists = top_k(np.zeros((2, 3), dtype=np.float32), 3)
    nothing = evaluate_lists(lists, Targets.of([[], []]), popularity=np.ones(3), vectors=np.eye(3, dtype=np.float32))
    report = summarise(nothing, baselines={"other": nothing}, ablation={}, slices={})
    assert "nothing could be measured" in render(report)
    json.dumps(report.to_json(), allow_nan=False)


def test_the_page_shows_each_feature(report: EvaluationReport) -> None:
    page = render(report)
    section = page[page.index("<h2>Features</h2>") :].split("</section>")[0]
    assert "1 of 2 have shifted" in section
    assert "50% in the test" in section
    assert "shifted</small>" in section
    assert "never there" in section
    assert section.index("alert") < section.index("feature_1"), "the strongest first"


def test_the_page_folds_the_weaker_features(report: EvaluationReport) -> None:
    many = tuple(replace(report.features[0], name=f"feature_{place}") for place in range(25))
    page = render(replace(report, features=many))
    shown, _, folded = page[page.index("<h2>Features</h2>") :].partition("<details><summary>5 weaker ones</summary>")
    assert shown.count('<th scope="row">') == 20
    assert folded.split("</details>")[0].count('<th scope="row">') == 5
