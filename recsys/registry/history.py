"""history.jsonl: who became current, when and why; and from it, what a rollback goes back to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from recsys.registry.disk import append_line


class Change(BaseModel):
    """One line: `version` took the place of `previous`."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    action: Literal["promote", "rollback"]
    version: str
    previous: str | None
    why: str


def record(path: Path, action: Literal["promote", "rollback"], version: str, previous: str | None, why: str) -> None:
    """Add a change. It is written before CURRENT is replaced, so that the line of what is current is always there."""
    change = Change(at=datetime.now(UTC), action=action, version=version, previous=previous, why=why)
    append_line(path, change.model_dump_json().encode())


def read_changes(path: Path, current: str | None) -> list[Change]:
    """The changes that took place, oldest first.

    A crash between the line and the replacement of CURRENT leaves a line without effect, and one within the line leaves
    half a line at the end; neither is returned. A line had an effect if the next one started from it.
    """
    if not path.exists():
        return []
    written = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            written.append(Change.model_validate_json(line))
        except ValidationError:
            continue  # half a line; the next append cuts it off
    came_next = [change.previous for change in written[1:]] + [current]
    return [change for change, after in zip(written, came_next, strict=True) if change.version == after]


def earlier_versions(changes: Sequence[Change]) -> list[str]:
    """What was current before the current version and was not rolled back, the latest last."""
    stack: list[str] = []
    for change in changes:
        if change.action == "rollback":
            while stack and stack[-1] != change.version:
                stack.pop()
        else:
            stack.append(change.version)
    return stack[:-1]
