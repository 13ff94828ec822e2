"""The pages of the documentation as tests read them: headings, links, blocks of code, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

DOCUMENTS = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""Pages about what is; the changelog names what was, too."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


def name(page: Path) -> str:
    """The page as it is called from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def page(name: str) -> str:
    """The text of a page, by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level, up to the next one.

    Raises:
        ValueError: there is no such heading.
    """
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading] if heading in parts else _missing(heading)


def blocks(text: str, language: str = "") -> list[str]:
    """The fenced blocks of one language; those without a name are commands, or what is no code."""
    return [block for marked, block in _FENCE.findall(text) if marked == language]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def inline_code(text: str) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    return [" ".join(code.split()) for _, code in _CODE.findall(prose(text))]


def anchors(text: str) -> set[str]:
    """The anchors that a git host gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures."""
    outside_of_code = _CODE.sub("", prose(text))
    return re.findall(r"\]\(([^)\s]+)\)", outside_of_code)


@dataclass(frozen=True)
class Command:
    """One command of a block: its words as a shell takes them apart, and its text."""

    words: tuple[str, ...]
    text: str


def commands(block: str) -> Iterator[Command]:
    """The commands of a block, each over one line or several: an open quote or a backslash asks for the next."""
    text = ""
    for line in block.splitlines():
        if line.endswith("\\"):
            text += line.removesuffix("\\")
            continue
        text += line + "\n"
        try:
            words = shlex.split(text, comments=True)
        except ValueError:  # an open quote
            continue
        if words:
            yield Command(tuple(words), text)
        text = ""
    assert not text.strip(), f"a quote is not closed: {text}"


def _missing(heading: str) -> str:
    raise ValueError(f"no section {heading!r}")
