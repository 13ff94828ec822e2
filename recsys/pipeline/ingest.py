"""Events from a stream into the store: at least once from the stream, once in the store.

A batch is acknowledged after the store has it on disk. A crash between the two brings the batch again; the store knows
its event ids.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from recsys.counts import counted
from recsys.data.events.event_messages import Unreadable, read_messages
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.disk import append_line
from recsys.errors import DataError
from recsys.progress import Progress, silent
from recsys.store.event_log import EventLog
from recsys.store.stream import Stream


@dataclass(frozen=True)
class Ingested:
    """What came so far.

    Attributes:
        accepted: events that are new in the store.
        duplicates: events that it had.
        rejected: messages that are no event.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0


def ingest(
    stream: Stream,
    store: EventLog,
    *,
    rejected: Path,
    pseudonyms: Pseudonyms | None = None,
    seconds: float = 1.0,
    goes_on: Callable[[bool], bool] = lambda anything: anything,
    progress: Progress = silent,
) -> Ingested:
    """Take messages for as long as `goes_on` says.

    Args:
        stream: where they come from.
        store: where they go.
        rejected: gets the messages that are no event, one JSON object a line, before they are acknowledged.
        pseudonyms: in place of user ids.
        seconds: how long to wait for a message.
        goes_on: asked after each reading, whether anything came in it; by default the end of the messages is the end.
        progress: called with a line of text now and then.

    Raises:
        StoreError: the stream or the store cannot be reached. DataError: `rejected` cannot be written. What was not
            acknowledged comes again.
    """
    total = Ingested()
    while True:
        messages = stream.read(seconds)
        if messages:
            events, wrong = read_messages(messages)
            if pseudonyms is not None:
                events = [replace(event, user_id=pseudonyms.of(event.user_id)) for event in events]
            result = store.append(events)
            _set_aside(wrong, rejected)
            stream.acknowledge(messages)
            total = Ingested(
                total.accepted + result.accepted, total.duplicates + result.duplicates, total.rejected + len(wrong)
            )
            progress(
                f"{counted(total.accepted, 'event')}, {total.duplicates:,} known before, {total.rejected:,} rejected"
            )
        if not goes_on(bool(messages)):
            return total


def _set_aside(wrong: Sequence[Unreadable], rejected: Path) -> None:
    try:
        for one in wrong:
            append_line(rejected, _line(one))
    except OSError as error:
        raise DataError(f"{rejected} cannot be written: {error}; name another file for what is no event") from error


def _line(one: Unreadable) -> bytes:
    content = one.message.content
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else dict(content)
    return orjson.dumps({"place": one.message.place, "reason": one.reason, "message": text})
