"""Names of versions: the second, and the microsecond within it in hex, so that they sort by time."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def is_version_name(text: str) -> bool:
    """Whether this may be the name of a version."""
    return _NAME.fullmatch(text) is not None


def version_name(moment: datetime) -> str:
    """The name of a version that was published at a moment, UTC."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{moment.microsecond:06x}"


def free_moment(newest: str | None) -> datetime:
    """Now, or a microsecond after the newest version if the clock was set back, so that names stay in order."""
    moment = datetime.now(UTC)
    if newest is not None and version_name(moment) <= newest:
        with suppress(ValueError):  # a folder that somebody has named after no moment
            moment = _moment_of(newest) + timedelta(microseconds=1)
    return moment


def _moment_of(version: str) -> datetime:
    second, microsecond = version.split("-")
    return datetime.strptime(f"{second}+0000", "%Y%m%dT%H%M%SZ%z") + timedelta(microseconds=int(microsecond, 16))
