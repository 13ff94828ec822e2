"""The console in a real browser: each view is clicked through, and what it shows is what the API answers."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import polars as pl
import pytest
from running import eventually, serving_thread
from serving_versions import described, publish_copy
from test_security import key_file

from recsys.config import Config, FeatureGroup
from recsys.data.catalogue import ItemCatalogue
from recsys.data.loading import load_dataset
from recsys.pipeline.training.train import train
from recsys.registry import Registry
from serving.settings import Settings

pytest.importorskip("playwright.sync_api", reason="no playwright; install recsys[dev]")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
expect.set_options(timeout=60_000)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; apt-get install chromium")

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
ODD = "<i>1</i>"
HTML = "<img src=x onerror=\"document.title='broken into'\"><b>bold</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shop(
    tiny_dataset_dir: Path, quick_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A server with two versions, the second one more diverse, and an item of which everything is HTML.

    What the page shows is compared with an answer of a moment later, which must not be another one as the hour turns.
    """
    timeless = quick_config.features.model_copy(update={"exclude": ("hour", "weekday")})
    config = quick_config.model_copy(update={"features": timeless})
    trained, registry = (Registry(tmp_path_factory.mktemp(name) / "reg") for name in ("trained", "console"))
    version = trained.publish(train(load_dataset(tiny_dataset_dir, config), config))
    with registry.stage() as folder:
        shutil.copytree(trained.path_of(version), folder, dirs_exist_ok=True)
        items = ItemCatalogue.load(folder / "vocabulary").frame
        odd = pl.col("item_id") == "books-4-small"
        html = {"item_id": ODD, "title": HTML, "brand": "<u>odd</u>"}
        changed = {name: pl.when(odd).then(pl.lit(text)).otherwise(name).alias(name) for name, text in html.items()}
        ItemCatalogue(items.with_columns(**changed)).save(folder / "vocabulary")
        first = registry.publish_folder(folder, described(trained.manifest(version)), parent=None, why="test")
    publish_copy(registry, first, promote=False, diversity=0.9)
    patient = Config.model_validate({"serving": {"deadline_seconds": 60, "encoder": "first use"}})
    with serving_thread(Settings.of(patient, registry.path), timeout=60) as http:
        yield http


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own. It must not complain, nor ask anybody but its server for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.on("request", lambda request: complaints.append(request.url) if "//127.0.0.1" not in request.url else None)
    yield page
    context.close()
    assert [complaint for complaint in complaints if not complaint.startswith("data:")] == []


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


def test_a_user_is_found_and_the_list_explained(page: Page, shop: httpx.Client) -> None:
    visit(page, shop)
    expect(page).to_have_title("People · recsys console")
    page.get_by_role("combobox", name="Find a user").press_sequentially(USER)
    expect(page.locator(".picker [role=option]").first).to_contain_text(USER)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"What {USER} sees")
    wanted, rows = ranked(shop), page.locator(".ranked > li")
    expect_rows(rows, ids(wanted))
    for place, item in enumerate(wanted):
        row = rows.nth(place)
        expect(row.locator(".rank")).to_have_text(str(item["rank"]))
        expect(row.locator(".title")).to_have_text(title(shop, item["item_id"]))
        expect(row.locator(".sources li")).to_have_text(item["sources"])
        shown = row.locator(".probability span").inner_text()
        assert float(shown.rstrip("%")) == pytest.approx(100 * item["p_click"], rel=0.06)
        for group in GROUPS:
            bars = row.locator(f".contributions rect.{group}")
            values = [float(bar.get_attribute("data-value") or "nan") for bar in bars.all()]
            assert values == [part for part in [item["explanation"][group]] if part]
        row.locator("summary").click()
        for reason in item["explanation"]["reasons"]:
            expect(row.locator(".more")).to_contain_text(reason)
    bars = rows.first.locator(".contributions rect").all()
    shares = [float((bar.get_attribute("width") or "").rstrip("%")) for bar in bars]
    sizes = [abs(float(bar.get_attribute("data-value") or "nan")) for bar in bars]
    assert [share / sum(shares) for share in shares] == pytest.approx([size / sum(sizes) for size in sizes]), (
        "one scale"
    )
    history = shop.get(f"/v1/users/{USER}").json()["history"][::-1]
    expect(page.locator(".history li .name")).to_have_text([title(shop, event["item_id"]) for event in history[:12]])


def test_the_list_moves_with_what_is_changed(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    served, rows = ranked(shop), page.locator(".ranked > li")
    expect_rows(rows, ids(served))
    back = page.get_by_role("button", name="Back to the served list")
    expect(back).to_be_hidden()

    page.get_by_label("Diversity").fill("0.9")
    diverse = ranked(shop, policy={"diversity": 0.9})
    expect_rows(rows, ids(diverse))
    before = {item["item_id"]: item["rank"] for item in served}
    for place, item in enumerate(diverse):
        places = before.get(item["item_id"], 0) - item["rank"]
        mark = rows.nth(place).locator(".move .hidden")
        if item["item_id"] not in before:
            expect(mark).to_have_text("new")
        elif places:
            expect(mark).to_have_text(f"{'up' if places > 0 else 'down'} {abs(places)}")
        else:
            expect(mark).to_have_count(0)
    left = [title(shop, id_) for id_ in ids(served) if id_ not in ids(diverse)]
    expect(page.locator(".left s")).to_have_text(left)
    expect(page.locator("#announce")).to_contain_text(f"{len(left)} new, {len(left)} left")
    back.click()
    expect_rows(rows, ids(served))
    expect(page.locator(".move")).to_have_count(0)

    page.get_by_role("button", name="Add a filter").click()
    page.get_by_label("category", exact=True).select_option(label="books (10)")
    expect_rows(rows, ids(ranked(shop, filter={"category": ["books"]})))
    page.get_by_role("button", name="Add a filter").click()
    page.get_by_label("Column").last.select_option("price")
    page.get_by_label("price to").fill("12")
    expect_rows(rows, ids(ranked(shop, filter={"category": ["books"], "price": {"lte": 12}})))
    page.get_by_label("price from").fill("11.5")
    page.get_by_label("price to").fill("11.6")
    expect(page.get_by_text("No item meets the filter.")).to_be_visible()
    back.click()

    page.get_by_label("Looking for").fill("poetry volume")
    expect_rows(rows, ids(ranked(shop, context={"query": "poetry volume"})))
    page.get_by_label("Looking for").fill("")
    page.get_by_label("Seen items").select_option("exclude")
    expect_rows(rows, ids(ranked(shop, policy={"seen": "exclude"})))
    page.get_by_label("Seen items").select_option("")
    page.get_by_label("Length").select_option("5")
    expect_rows(rows, ids(ranked(shop, n=5)))
    page.get_by_label("Length").select_option("10")
    expect_rows(rows, ids(served))

    history = [event["item_id"] for event in shop.get(f"/v1/users/{USER}").json()["history"]]
    page.locator(".history .remove").first.click()
    expect_rows(rows, ids(ranked(shop, history=history[:-1])))
    page.get_by_role("combobox", name="Add an item to the history").press_sequentially("tomato large")
    expect(page.locator(".picker [role=option]").first).to_contain_text("large tomato seeds")
    page.keyboard.press("Enter")
    longer = [*history[:-1], "garden-0-large"]
    now = ranked(shop, history=longer)
    expect_rows(rows, ids(now))
    rows.nth(1).get_by_role("button", name="Add").click()
    expect_rows(rows, ids(ranked(shop, history=[*longer, now[1]["item_id"]])))


def test_a_filter_up_to_a_day_holds_all_of_it(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, "#/people/")
    page.get_by_role("button", name="Add a filter").click()
    page.get_by_label("Column").select_option("created_at")
    for label, date, wanted in (
        ("created_at to", "2024-02-29", {"lt": "2024-03-01"}),
        ("created_at from", "2023-12-31", {"gte": "2023-12-31", "lt": "2024-03-01"}),
    ):
        with page.expect_request("**/recommend") as asked:
            page.get_by_label(label).fill(date)
        assert asked.value.post_data_json["filter"] == {"created_at": wanted}


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


def test_somebody_new(page: Page, shop: httpx.Client) -> None:
    visit(page, shop)
    page.get_by_role("link", name="Somebody new").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What somebody new sees")
    expect_rows(page.locator(".ranked > li"), ids(ranked(shop, user_id=None)))
    expect(page.get_by_text("Nothing yet.")).to_be_visible()


def test_two_versions_side_by_side(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/compare/{USER}")
    overview = shop.get("/v1/models").json()
    first, second = (version["version"] for version in overview["versions"])
    expect(page.get_by_label("Version A", exact=True)).to_have_value(first)
    expect(page.get_by_label("Version B", exact=True)).to_have_value(second)
    one = ranked(shop)
    two = shop.post(f"/v1/models/{second}/recommend", json={"user_id": USER}).json()["items"]
    assert ids(one) != ids(two)
    columns = [page.get_by_label(f"List of version {name}").locator("li") for name in "AB"]
    expect_rows(columns[0], ids(one))
    expect_rows(columns[1], ids(two))
    shared = set(ids(one)) & set(ids(two))
    expect(page.locator(".lines path")).to_have_count(len(shared))
    expect(page.locator(".tile strong").first).to_have_text(f"{len(shared)} of 10")
    expect(columns[0].locator(".move", has_text="only A").first).to_have_count(1 if len(shared) < 10 else 0)
    columns[0].first.get_by_role("link").focus()
    expect(columns[0].first).to_have_class("marked")
    measured = overview["versions"][0]["metrics"]["ndcg@10"]["mean"]
    row = page.get_by_role("row", name="ndcg@10")
    expect(row.locator("td span").first).to_have_text(f"{measured:.3f}".removeprefix("0"))
    page.get_by_label("Version B", exact=True).select_option(first)
    expect_rows(page.get_by_label("List of version B").locator("li"), ids(one))


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


def test_models_are_promoted_and_rolled_back(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, "#/models")
    first, second = (version["version"] for version in shop.get("/v1/models").json()["versions"])
    report = shop.get(f"/v1/models/{first}").json()
    row = page.locator(f"tr[data-version='{second}']")
    expect(page.locator("tr.current")).to_contain_text(first)
    expect(page.locator(f"tr[data-version='{first}'] .quality span")).to_have_text(
        f"{report['metrics']['ndcg@10']['mean']:.3f}".removeprefix("0")
    )
    simpler = page.get_by_role("region", name="Beside simpler rankings")
    for name, metrics in report["baselines"].items():
        line = simpler.locator("div", has=page.get_by_text(name, exact=True)).last
        expect(line.locator("span")).to_have_text(f"{metrics['ndcg@10']['mean']:.3f}".removeprefix("0"))

    row.get_by_role("button", name="Promote").click()
    page.get_by_role("button", name="Cancel").click()
    assert shop.get("/v1/models").json()["served"] == first
    row.get_by_role("button", name="Promote").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("tr.current")).to_contain_text(second)
    expect(page.locator("#served")).to_have_text(second)
    assert shop.get("/readyz").json()["model_version"] == second
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("tr.current")).to_contain_text(first)
    assert shop.get("/readyz").json()["model_version"] == first
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("alert")).to_contain_text("no earlier version")


def test_health_at_a_glance(page: Page, shop: httpx.Client) -> None:
    ranked(shop)
    visit(page, shop, "#/health")
    lines = [line.rpartition(" ") for line in shop.get("/metrics").text.splitlines() if not line.startswith("#")]
    samples = {name: float(value) for name, _, value in lines}
    lists = sum(n for name, n in samples.items() if "seconds_count" in name and 'route="/v1/recommend"' in name)
    expect(page.locator("[data-name=Lists] strong")).to_have_text(f"{lists:,.0f}")
    expect(page.locator("[data-name=Errors] strong")).to_have_text("0")
    expect(page.get_by_role("row", name="POST /v1/recommend").locator("td").first).to_have_text(f"{lists:,.0f}")
    served = shop.get("/v1/models").json()
    quality = next(v for v in served["versions"] if v["version"] == served["served"])["metrics"]["ndcg@10"]["mean"]
    expect(page.locator("[data-name='ndcg@10'] strong")).to_have_text(f"{quality:.3f}".removeprefix("0"))
    answered = samples['recsys_lists_total{variant="champion"}']
    champion = page.get_by_role("region", name="Variants").get_by_role("row", name="champion")
    expect(champion.locator("td").first).to_have_text(served["served"])
    expect(champion.locator("td").nth(1)).to_have_text(f"{answered:,.0f}")
    proposed = samples['recsys_listed_items_total{source="popular"}']
    sources = page.get_by_role("region", name="Who proposed what is listed")
    expect(sources.locator("div", has_text="popular").locator("span")).to_have_text(f"{proposed:,.0f} items")


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


def test_what_the_browser_is_told(shop: httpx.Client) -> None:
    for path, kind in (("", "text/html"), ("main.js", "javascript"), ("style.css", "text/css")):
        response = shop.get(f"/console/{path}")
        assert response.status_code == 200
        assert kind in response.headers["content-type"]
        assert "require-trusted-types-for 'script'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
    assert shop.get("/console", follow_redirects=True).url.path == "/console/"
    for path in ("none.js", "..%2fapp.py", "%2e%2e/app.py", "../app.py"):
        assert shop.get(f"/console/{path}").status_code == 404
    assert 'route="/console/{file}",status="200"' in shop.get("/metrics").text


def test_a_server_with_keys(page: Page, registry: Registry, tmp_path: Path) -> None:
    publish_copy(registry, registry.resolve(None), promote=False, diversity=0.9)
    keys = key_file(tmp_path, ("reader", '["read"]'), ("boss", '["read", "write", "admin"]'))
    with serving_thread(Settings.of(Config.model_validate({"serving": {"keys": keys}}), registry.path)) as http:
        headers = {"Authorization": "Bearer boss"}
        wanted = http.post("/v1/recommend", json={"user_id": USER}, headers=headers).json()["items"]
        page.goto(f"{http.base_url}/console/#/people/{USER}")
        for secret in ("wrong", "reader"):
            page.get_by_label("Key", exact=True).fill(secret)
            page.get_by_role("button", name="Use it").click()
            if secret == "wrong":
                expect(page.get_by_text("This key is not known.")).to_be_visible()
        expect_rows(page.locator(".ranked > li"), ids(wanted))
        expect(page.get_by_text("scope admin")).to_be_visible()
        counted = 'recsys_lists_total{variant="champion"}'
        before = [line for line in http.get("/metrics", headers=headers).text.splitlines() if counted in line]
        page.goto(f"{http.base_url}/console/#/compare/{USER}")
        expect(page.get_by_text("This key may not ask versions for their lists (scope admin).")).to_be_visible()
        assert page.locator(".tile, .slim li").count() == 0
        assert [line for line in http.get("/metrics", headers=headers).text.splitlines() if counted in line] == before
        page.goto(f"{http.base_url}/console/#/people/{USER}")
        page.get_by_role("button", name="API key").click()
        page.get_by_label("Key", exact=True).fill("boss")
        page.keyboard.press("Enter")
        expect(page.locator(".history li").first).to_be_visible()
        kept = "() => [Object.values(sessionStorage), Object.values(localStorage), document.cookie, location.href]"
        session, local, cookie, address = page.evaluate(kept)
        assert (session, local, cookie) == (["boss"], [], "")
        assert "boss" not in address
        page.get_by_role("button", name="API key").click()
        page.get_by_role("button", name="Forget the key").click()
        expect(page.get_by_label("Key", exact=True)).to_be_visible()
        assert page.evaluate("() => sessionStorage.length") == 0


def test_waiting_and_failing_are_shown(page: Page, shop: httpx.Client) -> None:
    held: list[Route] = []
    page.route("**/recommend", lambda route: held.append(route))  # noqa: PLW0108 - a builtin cannot be registered
    page.goto(f"{shop.base_url}/console/#/people/{USER}")
    expect(page.locator(".list .loading")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.ranked').getAttribute('aria-busy') === 'true'")
    eventually(lambda: bool(page.title()) and bool(held))  # each call hands over what the browser has sent
    held[0].abort()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.unroute("**/recommend")
    page.get_by_role("button", name="Back to the served list").click()
    expect_rows(page.locator(".ranked > li"), ids(ranked(shop)))
    fault = {"title": "No", "status": 422, "detail": "<b>no</b>", "errors": [{"loc": ["body", "n"], "msg": "odd"}]}
    page.route("**/recommend", lambda route: route.fulfill(status=422, json=fault))
    page.get_by_label("Length").select_option("20")
    expect(page.get_by_role("alert")).to_contain_text("<b>no</b>")
    expect(page.get_by_role("alert")).to_contain_text("n: odd")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, shop: httpx.Client, scheme: Any) -> None:
    """No view breaks a rule of axe-core (names, roles, contrast), and none is wider than a phone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    for view in (*VIEWS, "#/items/coffee-0-small"):
        page.set_viewport_size({"width": 1280, "height": 900})
        visit(page, shop, view)
        page.locator("h1").first.wait_for()  # a view that has not begun to load shows nothing that is loading
        result = Axe().run(page)
        assert result.violations_count == 0, f"{view}: {result.generate_report()}"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, view
    context.close()


def test_the_keyboard_reaches_everything(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    named = "(e) => e.getAttribute('aria-label') ?? e.textContent.trim()"
    there = "main button, main a, main summary, main input, main select"
    wanted = page.evaluate(
        f"() => [...document.querySelectorAll('{there}')].filter((e) => e.checkVisibility()).map({named})"
    )
    reached = set()
    for _ in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(f"() => ({named})(document.activeElement)"))
    assert set(wanted) <= reached
