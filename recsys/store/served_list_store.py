"""What every store promises about the lists that were answered."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import orjson

from recsys.data.requests.served_list import ServedList
from recsys.data.users.forget import Forgotten, user_digest
from recsys.moments import SECOND, clock


class ServedListStore(Protocol):
    """All methods raise `StoreError` when the store cannot be reached or refuses. `forget` removes a user's lists."""

    def keep_lists(self, lists: Sequence[ServedList], seconds: int) -> None:
        """Keep lists, all or none, each once; those of more than `seconds` ago may be dropped from now on.

        Lists of users who were forgotten after they were made (`ServedList.known`) are left out.
        """
        ...

    def lists(self, request_ids: Collection[str]) -> dict[str, ServedList]:
        """The lists that were shown under these requests; requests that are not known are left out."""
        ...

    def lists_of(self, user_id: str, limit: int = 1_000) -> list[ServedList]:
        """The newest `limit` lists of a user, shown or not, oldest first."""
        ...


ListRow = tuple[str, str | None, int, str, str, int, str, str, int]
"""A list as a row: the fields in their order, items and propensities as JSON in text."""

LIST_COLUMNS = "request_id, user_id, timestamp, model_version, variant, first_position, items, propensities, shown"


def oldest_kept(seconds: int) -> int:
    """Microseconds since 1970 UTC of `seconds` ago."""
    return clock() - seconds * SECOND


def not_forgotten(lists: Sequence[ServedList], marks: Sequence[tuple[int, Forgotten]]) -> list[ServedList]:
    """The lists whose user was not forgotten after they were made; `marks` are in the order of their offsets."""
    newest = {mark.user_digest: offset for offset, mark in marks}
    if not newest:
        return list(lists)
    return [one for one in lists if one.user_id is None or newest.get(user_digest(one.user_id), 0) <= one.known]


def row_of(served: ServedList) -> ListRow:
    """One row."""
    return (
        served.request_id,
        served.user_id,
        served.timestamp,
        served.model_version,
        served.variant,
        served.first_position,
        orjson.dumps(served.items).decode(),
        orjson.dumps(served.propensities).decode(),
        int(served.shown),
    )


def list_of(row: Sequence[Any]) -> ServedList:
    """What `row_of` wrote. A row that another program has spoilt is a list without items: it stops nothing, and whoever
    asks what is stored sees that it is there."""
    request_id, user_id, timestamp, version, variant, first, items, propensities, shown = row
    ids, chances = _cells(items, str), _cells(propensities, int | float)
    if len(ids) != len(chances):
        ids, chances = (), ()
    return ServedList(request_id, user_id, timestamp, version, variant, first, ids, chances, bool(shown))


def _cells(text: str, kind: Any) -> tuple[Any, ...]:
    """A list in JSON of this kind of cells; none if it is anything else."""
    try:
        cells = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    return tuple(cells) if isinstance(cells, list) and all(isinstance(cell, kind) for cell in cells) else ()
