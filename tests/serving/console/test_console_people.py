"""Lists of people: who is found, what is shown, and what changes it."""

import httpx
import pytest
from console_page import GROUPS, USER, expect_rows, ids, ranked, title, visit
from playwright.sync_api import Page, expect


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
    known = shop.get(f"/v1/users/{USER}").json()
    assert known["profile"]["town"][0] in {"Ghent", "Graz"}
    expect(page.get_by_text(f"town: {known['profile']['town'][0]}", exact=True)).to_be_visible()
    history = known["history"][::-1]
    expect(page.locator(".history li .name")).to_have_text([title(shop, event["item_id"]) for event in history[:12]])


def test_marks_show_how_the_list_has_moved(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    served, rows = ranked(shop), page.locator(".ranked > li")
    expect_rows(rows, ids(served))
    back = page.get_by_role("button", name="Back to the served list")
    expect(back).to_be_hidden()

    page.get_by_label("Diversity").fill("0.9")
    diverse = ranked(shop, policy={"diversity": 0.9})
    expect_rows(rows, ids(diverse))
    before = {item["item_id"]: item["rank"] for item in served}
    for index, item in enumerate(diverse):
        moved = before.get(item["item_id"], 0) - item["rank"]
        mark = rows.nth(index).locator(".move .hidden")
        if item["item_id"] not in before:
            expect(mark).to_have_text("new")
        elif moved:
            expect(mark).to_have_text(f"{'up' if moved > 0 else 'down'} {abs(moved)}")
        else:
            expect(mark).to_have_count(0)
    left = [title(shop, id_) for id_ in ids(served) if id_ not in ids(diverse)]
    expect(page.locator(".left s")).to_have_text(left)
    expect(page.locator("#announce")).to_contain_text(f"{len(left)} new, {len(left)} left")
    back.click()
    expect_rows(rows, ids(served))
    expect(page.locator(".move")).to_have_count(0)


def test_the_list_follows_its_filters(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    rows = page.locator(".ranked > li")
    expect_rows(rows, ids(ranked(shop)))
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


def test_the_list_follows_its_rules_and_its_query(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    served, rows = ranked(shop), page.locator(".ranked > li")
    expect_rows(rows, ids(served))
    page.get_by_label("Discovery").fill("1")
    expect_rows(rows, ids(ranked(shop, policy={"discovery": 1.0})))
    page.get_by_role("button", name="Back to the served list").click()
    expect_rows(rows, ids(served))
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


def test_the_list_follows_its_history(page: Page, shop: httpx.Client) -> None:
    visit(page, shop, f"#/people/{USER}")
    rows = page.locator(".ranked > li")
    expect_rows(rows, ids(ranked(shop)))
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


def test_what_somebody_new_sees(page: Page, shop: httpx.Client) -> None:
    visit(page, shop)
    page.get_by_role("link", name="Somebody new").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What somebody new sees")
    expect_rows(page.locator(".ranked > li"), ids(ranked(shop, user_id=None)))
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
