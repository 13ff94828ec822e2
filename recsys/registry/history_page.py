"""What was decided about versions, as one self-contained HTML page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from recsys.counts import counted
from recsys.eval.report.page import page
from recsys.registry.history import HistoryEntry, Refusal, Skip

_ACTIONS = {"promote": "promoted", "rollback": "rolled back to"}


def write_history(path: Path, entries: Sequence[HistoryEntry], location: str) -> None:
    """Write the page: no scripts, nothing loaded from elsewhere; all text is escaped.

    Args:
        entries: oldest first.
        location: of the registry, for readers.
    """
    path.write_text(render(entries, location), encoding="utf-8")


def render(entries: Sequence[HistoryEntry], location: str) -> str:
    """The page as text, the newest decision first."""
    summary = f"{escape(location)} · {counted(len(entries), 'decision')}"
    header = f"<header><h1>What was decided</h1><p>{summary}</p></header>"
    body = "".join(_decision(entry) for entry in reversed(entries)) or "<p>Nothing was decided yet.</p>"
    return page(f"Decisions: {location}", header + body)


def headline(entry: HistoryEntry) -> str:
    """Who became current or was refused, or that a retraining was skipped."""
    if isinstance(entry, Skip):
        return "the retraining was skipped"
    if isinstance(entry, Refusal):
        return f"{entry.version or 'the new data'} was refused"
    return f"{_ACTIONS[entry.action]} {entry.version}"


def _decision(entry: HistoryEntry) -> str:
    against = "skipped" if isinstance(entry, Skip) else "refused"
    rows = "".join(
        f'<tr><th scope="row">{escape(check.name)}</th><td class="{"better" if check.passed else "worse"}">'
        f'{"passed" if check.passed else against}</td><td class="text">{escape(check.words)}</td></tr>'
        for check in sorted(entry.checks, key=lambda check: check.passed)
    )
    table = (
        '<div class="wide wordy"><table><thead><tr><th scope="col">check</th><th scope="col">verdict</th>'
        f'<th scope="col">what was found</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    changed = entry.previous and entry.previous != entry.version
    before = f"; served before: <code>{escape(str(entry.previous))}</code>" if changed else ""
    return (
        f"<section><h2>{escape(headline(entry))}</h2><p>{entry.at:%Y-%m-%d %H:%M:%S} UTC{before}</p>"
        f"<p>{escape(entry.why)}</p>{table if rows else ''}</section>\n"
    )
