"""history.jsonl: who became current, was refused or skipped, when and why; from it, what a rollback goes back to."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from recsys.disk import append_line
from recsys.errors import BundleError


@dataclass(frozen=True)
class Check:
    """One check that a version had to pass before it could become current.

    Attributes:
        name: what was checked, in a few words; no other check of the decision has it.
        passed: whether it spoke for the version.
        words: what was found, with the figures and the limit.
    """

    name: str
    passed: bool
    words: str


class Line(BaseModel):
    """What every line says."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    previous: str | None
    why: str
    checks: tuple[Check, ...] = ()


class VersionChange(Line):
    """`version` took the place of `previous`."""

    action: Literal["promote", "rollback"]
    version: str


class Refusal(Line):
    """`previous` stayed current; `version` is the one that was refused, None where none was trained."""

    action: Literal["refuse"]
    version: str | None


class Skip(Line):
    """`previous` stayed current: there was too little to learn from, and nothing was trained."""

    action: Literal["skip"]
    version: None = None


HistoryEntry = VersionChange | Refusal | Skip

_LINE: TypeAdapter[HistoryEntry] = TypeAdapter(HistoryEntry)


def record_change(
    path: Path,
    action: Literal["promote", "rollback"],
    version: str,
    previous: str | None,
    why: str,
    checks: Sequence[Check] = (),
) -> None:
    """Add a change. It is written before CURRENT is replaced, so that the line of what is current is always there."""
    change = VersionChange(
        at=datetime.now(UTC), action=action, version=version, previous=previous, why=why, checks=tuple(checks)
    )
    append_line(path, change.model_dump_json().encode())


def record_refusal(path: Path, version: str | None, current: str | None, why: str, checks: Sequence[Check]) -> None:
    """Add a refusal. One without a version that repeats the line before it is not written."""
    _record_once(
        path,
        Refusal(
            at=datetime.now(UTC), action="refuse", version=version, previous=current, why=why, checks=tuple(checks)
        ),
    )


def record_skip(path: Path, current: str | None, why: str, checks: Sequence[Check]) -> None:
    """Add that a retraining was skipped, unless that repeats the line before it."""
    _record_once(path, Skip(at=datetime.now(UTC), action="skip", previous=current, why=why, checks=tuple(checks)))


def _record_once(path: Path, entry: Refusal | Skip) -> None:
    last = next(reversed(_written(path)), None)
    if entry.version is not None or not isinstance(last, type(entry)) or _outline(last) != _outline(entry):
        append_line(path, entry.model_dump_json().encode())


def read_entries(path: Path, current: str | None) -> list[HistoryEntry]:
    """The changes that took place, the refusals and what was skipped, oldest first.

    A crash between the line and the replacement of CURRENT leaves a line without effect, and one within the line leaves
    half a line at the end; neither is returned. A change had an effect if the next one started from it.

    Raises:
        BundleError: the file cannot be read.
    """
    entries = _written(path)
    changes = [entry for entry in entries if isinstance(entry, VersionChange)]
    came_next = [*(change.previous for change in changes[1:]), current][: len(changes)]
    idle = [change for change, after in zip(changes, came_next, strict=True) if change.version != after]
    return [entry for entry in entries if not any(entry is one for one in idle)]


def last_written(path: Path) -> str | None:
    """The version of the newest change, whether or not it took place; None where there is none."""
    changes = [entry for entry in _written(path) if isinstance(entry, VersionChange)]
    return changes[-1].version if changes else None


def earlier_versions(changes: Sequence[VersionChange]) -> list[str]:
    """What was current before the current version and was not rolled back, the latest last."""
    stack: list[str] = []
    for change in changes:
        if change.action == "rollback":
            while stack and stack[-1] != change.version:
                stack.pop()
        elif stack[-1:] != [change.version]:
            stack.append(change.version)
    return stack[:-1]


def _written(path: Path) -> list[HistoryEntry]:
    try:
        *lines, half = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(path, str(error)) from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                entries.append(_LINE.validate_json(line))
        except ValidationError as error:  # without this line a rollback would go to another version
            raise _unreadable(path, f"line {number} is damaged") from error
    with suppress(ValidationError):  # half a line; the next append cuts it off
        entries.append(_LINE.validate_json(half))
    return entries


def _unreadable(path: Path, reason: str) -> BundleError:
    return BundleError(f"{path} cannot be read: {reason}; repair it, or move it away; rollback history is then lost")


def _outline(entry: Refusal | Skip) -> tuple[str | None, str | None, frozenset[str]]:
    """What a line says, its figures aside."""
    return entry.version, entry.previous, frozenset(check.name for check in entry.checks if not check.passed)
