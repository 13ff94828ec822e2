"""The cursor of endless lists: an opaque token of what was shown, so that nothing is listed twice.

It needs no signature: all it can do is leave out items of the bearer's own list, which `exclude` can do as well.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from serving.errors import wrong_field
from serving.schemas.lists import MAX_CURSOR, ListRequest
from serving.schemas.values import MAX_IDS, Ids


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    list: str
    items: Ids


def next_cursor(request: ListRequest, shown: Sequence[str]) -> str | None:
    """The token for what comes after the shown items; none when it would hold more than may be sent back."""
    if len(shown) > MAX_IDS:
        return None
    content = orjson.dumps({"list": name_of_list(request), "items": shown})
    token = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return token if len(token) <= MAX_CURSOR else None


def shown_before(request: ListRequest) -> list[str]:
    """The items that earlier pages of the same list held; none without a cursor.

    Raises:
        ProblemError: 422, the cursor is not one, or is of a request that asked for something else.
    """
    if request.cursor is None:
        return []
    try:
        padded = request.cursor + "=" * (-len(request.cursor) % 4)
        shown = _Shown.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, ValidationError) as error:
        raise wrong_field("cursor", "not a valid cursor; send back what the last answer gave, unchanged") from error
    if shown.list != name_of_list(request):
        raise wrong_field("cursor", "this cursor is of another list; keep everything but `n` and `explain` as it was")
    return shown.items


def name_of_list(request: ListRequest) -> str:
    """A digest of everything that says which list this is."""
    content = request.model_dump_json(exclude={"cursor", "n", "explain"})
    return hashlib.sha256(content.encode()).hexdigest()[:24]
