"""Items and their texts, however long or odd."""

import re

import httpx
from console_page import USER, VIEWS, expect_rows, ids, title, visit
from odd_item import HTML, ODD
from playwright.sync_api import Page, Route, expect


def test_neighbours_of_an_item(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, "#/items")
    page.get_by_role("combobox", name="Find an item").press_sequentially("small espresso")
    expect(page.locator(".picker [role=option]")).to_have_count(1)
    page.locator(".picker [role=option]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("small espresso beans")
    expect(page.locator(".facts")).to_contain_text("coffee")
    for by in ("text", "collaborative"):
        wanted = shop.get("/v1/items/coffee-0-small/similar", params={"by": by}).json()["items"]
        expect_rows(page.locator(f"[data-by={by}] li"), ids(wanted))
    other = page.locator("[data-by=text] li").nth(1)
    expect(other.locator(".title")).to_have_text(title(shop, other.get_attribute("data-id") or ""))
    name = other.locator(".title").inner_text()
    other.locator(".title").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    visit(page, shop, "#/items/unknown")
    expect(page.get_by_role("alert")).to_contain_text("there is no item 'unknown'")


def test_a_title_without_end_takes_three_lines(page: Page, shop: httpx.Client) -> None:
    def lengthen(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for item in found["items"]:
            item["title"] = "a long title " * 190
        route.fulfill(response=answer, json=found)

    page.route(re.compile("/v1/items[?]"), lengthen)
    for view in (f"#/people/{USER}", f"#/compare/{USER}", "#/items/coffee-0-small", "#/items"):
        page.goto("about:blank")
        visit(page, shop, view)
        titles = page.locator("main .title, main .history .name, main .chips a")
        titles.first.wait_for()
        assert page.locator("main").inner_text().count("a long title") > 100, "they are there"
        sizes = titles.evaluate_all("(found) => found.map((title) => title.getBoundingClientRect().height)")
        assert max(sizes) < 3 * 15 * 1.45 + 12, view


def test_a_title_full_of_html_is_text(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, "#/people/")
    page.get_by_role("combobox", name="Add an item to the history").press_sequentially("onerror")
    expect(page.locator(".picker [role=option]")).to_contain_text(HTML)
    page.keyboard.press("Enter")
    expect(page.locator(".history .name")).to_have_text(HTML)
    page.get_by_role("button", name="Add a filter").click()
    page.get_by_label("Column").select_option("title")
    page.get_by_label("title", exact=True).fill(HTML)
    page.keyboard.press("Enter")
    expect_rows(page.locator(".ranked > li"), [ODD])
    expect(page.locator(".ranked .title")).to_have_text(HTML)
    page.locator(".ranked .title").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HTML)
    expect(page.locator(".facts")).to_contain_text("<u>odd</u>")
    visit(page, shop, "#/people/%3Cimg%20src%3Dx%3E")
    expect(page.get_by_role("heading", level=1)).to_have_text("What <img src=x> sees")
    assert page.locator("main img, main b:not(.badge), main u, main i").count() == 0
    assert "broken" not in page.title()
    # The second lock: even code of the page cannot turn text into HTML.
    assert (
        page.evaluate("() => { try { document.body.innerHTML = '<p>'; return 'done' } catch (e) { return e.name } }")
        == "TypeError"
    )


def test_no_view_writes_a_value_of_the_program(page: Page, shop: httpx.Client) -> None:
    """What is not there is left out: the DOM would write it as a word."""

    def without_metrics(route: Route) -> None:
        overview = shop.get("/v1/models").json()
        bare = [{**version, "metrics": {}} for version in overview["versions"]]
        route.fulfill(json={**overview, "versions": bare})

    def read(view: str) -> None:
        page.goto("about:blank")
        visit(page, shop, view)
        page.locator("h1").first.wait_for()
        expect(page.locator("main")).not_to_contain_text(re.compile(r"false|null|undefined|NaN"), timeout=2_000)

    for view in (*VIEWS, "#/items/coffee-0-small"):
        read(view)
    page.route("**/v1/models", without_metrics)
    for view in (f"#/compare/{USER}", "#/models", "#/health"):
        read(view)
