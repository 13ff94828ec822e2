"""What tests of the console share: its views, what the API answers, and how a page is read."""

from typing import Any, get_args

import httpx
import pytest

from recsys.config import FeatureGroup

pytest.importorskip("playwright.sync_api", reason="no playwright; install recsys[dev]")
from playwright.sync_api import Locator, Page, expect

USER = "user 4"
GROUPS = get_args(FeatureGroup)
VIEWS = (
    "#/people",
    f"#/people/{USER}",
    "#/people/",
    "#/compare",
    f"#/compare/{USER}",
    "#/items",
    "#/models",
    "#/health",
)


def visit(page: Page, http: httpx.Client, view: str = "") -> None:
    page.goto(f"{http.base_url}/console/{view}")
    expect(page.locator("main .loading")).to_have_count(0)


def ranked(http: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    answer = http.post("/v1/recommend", json={"user_id": USER, "n": 10, "explain": True, **body})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["item_id"] for item in items]


def title(http: httpx.Client, id_: str) -> str:
    return str(http.get("/v1/items", params={"id": id_}).json()["items"][0]["title"])


def expect_rows(rows: Locator, wanted: list[str]) -> None:
    """The rows are of these items, in this order: asked again until it is so, and nothing newer is on its way.

    Two lists may be the same; a row that is about to be replaced would miss a click.
    """
    expect(rows.page.locator("[aria-busy=true]")).to_have_count(0)
    expect(rows).to_have_count(len(wanted))
    for place, id_ in enumerate(wanted):
        expect(rows.nth(place)).to_have_attribute("data-id", id_)
