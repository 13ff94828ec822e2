"""Pages hold together: links lead to files and headings that exist, and the rows of a table have as many cells."""

import re
from pathlib import Path

import pytest
from pages import PAGES, ROOT, anchors, links, name, prose


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


def test_pages_that_programs_name_exist() -> None:
    programs = [
        file
        for room in ("recsys", "features", "serving", "benchmarks", "notebooks")
        for ending in ("py", "js", "html", "ipynb")
        for file in (ROOT / room).rglob(f"*.{ending}")
    ]
    named = {name for file in programs for name in re.findall(r"\bdocs/[\w/-]+\.\w+", file.read_text(encoding="utf-8"))}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_rows_of_a_table_have_as_many_cells(page: Path) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", prose(page.read_text(encoding="utf-8")) + "\n", re.MULTILINE):
        rows = table.splitlines()
        cells = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
        assert re.fullmatch(r"\|( --- \|)+", rows[1]), rows[0]
        assert set(cells) == {cells[0]}, rows[[count != cells[0] for count in cells].index(True)]
