"""Versions side by side, promoted, rolled back, and the health of what is served."""

import httpx
from console_page import USER, expect_rows, ids, ranked, visit
from playwright.sync_api import Page, expect


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
