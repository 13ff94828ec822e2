"""A page in the report's style, and what its sections are made of: HTML as text, everything given escaped here."""

import importlib.resources
from collections.abc import Iterable
from html import escape


def page(title: str, body: str) -> str:
    """A page in the report's style: the title is escaped here, the body is HTML already."""
    style = (importlib.resources.files("recsys.eval.report") / "report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape(title)}</title>\n<style>\n{style}</style>\n'
        f"</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def section(title: str, lead: str, body: str) -> str:
    """A heading, a sentence or two, and a body that is HTML already."""
    return f"<section><h2>{escape(title)}</h2><p>{escape(lead)}</p>{body}</section>\n"


def plot(svg: str, description: str, caption: str) -> str:
    """A drawing with its description for those who do not see it."""
    return (
        f'<figure><div role="img" aria-label="{escape(description)}">{svg}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(caption: str, headings: Iterable[str], rows: Iterable[str], kind: str = "") -> str:
    """A table of rows that are HTML already; the headings are escaped here.

    Args:
        kind: "roomy" where few columns leave room for words in the first one; "wordy" where the last one is words.
    """
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="wide {kind}" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def bullet_list(entries: Iterable[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{escape(entry)}</li>' for entry in entries)}</ul>"
