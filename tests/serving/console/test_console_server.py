"""The console and its server: headers, keys, waiting and failing."""

from pathlib import Path

import httpx
from console_page import USER, expect_rows, ids, ranked
from key_files import key_file
from playwright.sync_api import Page, Route, expect
from running import eventually, serving_thread
from serving_versions import publish_copy

from recsys.config import Config
from recsys.registry import Registry
from serving.settings import Settings


def test_console_files_come_with_strict_headers_and_no_others_do(shop: httpx.Client) -> None:
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


def test_a_server_with_keys_shows_what_the_scope_of_the_key_allows(
    page: Page, registry: Registry, tmp_path: Path
) -> None:
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
