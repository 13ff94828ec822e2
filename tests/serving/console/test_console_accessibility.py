"""Everybody can use the console."""

from typing import Any

import httpx
import pytest
from console_page import USER, VIEWS, visit
from playwright.sync_api import Browser, Page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_breaks_an_accessibility_rule_or_is_wider_than_a_phone(
    browser: Browser, shop: httpx.Client, scheme: Any
) -> None:
    """The rules are those of axe-core: names, roles, contrast."""
    from axe_playwright_python.sync_playwright import Axe

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
