"""Links of the documentation lead somewhere: to files that exist, and to headings of theirs."""

from pathlib import Path

import pytest
from pages import PAGES, ROOT, anchors, links, name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in links(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        is_there = file.is_relative_to(ROOT) and file.exists()
        if not is_there or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=name)
def test_every_page_is_linked_from_another(page: Path) -> None:
    others = (
        (other.parent / link.partition("#")[0]).resolve()
        for other in PAGES
        if other != page
        for link in links(other.read_text(encoding="utf-8"))
    )
    assert page in others
