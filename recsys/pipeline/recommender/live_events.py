"""What came to a recommender after its version was made, and its way into a snapshot and back.

A snapshot holds every event, the version's own included: segments that are mapped are no process's own memory, and
features sum over one large segment faster than over several.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from features.segment import Segment
from features.segment_files import load_segment, save_segment
from features.state import compacted
from recsys.data.events.event import Event, event_row
from recsys.data.ids.id_table import IdTable
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.item_changes import ItemChange
from recsys.data.users.forget import nameless
from recsys.errors import BundleError
from recsys.pipeline.recommender.bundle import Bundle
from recsys.registry import SnapshotRecord, Snapshots, StoreMark
from recsys.registry.manifest import FileRecord


@dataclass(frozen=True)
class LiveEvents:
    """All events that a recommender knows, and what their numbers mean.

    Attributes:
        segments: the events, the version's own included.
        users: their users; the first are the version's.
        items: beyond the version's, in the order of their numbers, as they were put.
        missed: events of items that were unknown when they came, oldest first.
        forgotten: `user_digest` of the ids of users who were forgotten, also of those who never did anything.
    """

    segments: tuple[Segment, ...]
    users: Vocabulary
    event_names: tuple[str, ...]
    n_items: int
    items: tuple[ItemChange, ...] = ()
    missed: tuple[Event, ...] = ()
    forgotten: frozenset[str] = frozenset()


def items_since(bundle: Bundle, catalogue: ItemCatalogue) -> tuple[ItemChange, ...]:
    """The items of a catalogue that a version has not, as changes that would put them."""
    rows = catalogue.frame[len(bundle.catalogue) :].iter_rows(named=True)
    columns = ({name: value for name, value in row.items() if value is not None} for row in rows)
    return tuple(ItemChange(own["item_id"], orjson.dumps(own, default=str).decode()) for own in columns)


def save_snapshot(
    snapshots: Snapshots, bundle: Bundle, events: LiveEvents, mark: StoreMark, before: SnapshotRecord | None
) -> SnapshotRecord:
    """Write the parts of a snapshot, those of `before` that still hold what they should aside.

    Args:
        snapshots: within its `writing`.
        mark: how far the events go in the log of a store.
        before: the one that the segments with a name are mapped from.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    version, n_users = bundle.version, bundle.log.n_users
    files: dict[str, FileRecord] = {}
    segments = []
    for group in compacted(events.segments):
        name = group[0].name
        if len(group) == 1 and before is not None and name and (snapshots.folder(version) / name).is_dir():
            files |= before.files_of(name)
        else:
            with snapshots.part(version, files) as folder:
                save_segment(folder, group, bundle.features.measures)
                name = folder.name
        segments.append(name)
    with snapshots.part(version, files) as folder:
        IdTable.of(events.users.ids(range(n_users, len(events.users)))).save(folder / "users")
        items = [(change.item_id, change.content) for change in events.items]
        (folder / "items.json").write_text(json.dumps(items), encoding="utf-8")
        (folder / "missed.json").write_text(json.dumps([event_row(e) for e in events.missed]), encoding="utf-8")
    return SnapshotRecord(
        version=version,
        fingerprint=bundle.fingerprint,
        identity=mark.identity,
        offset=mark.offset,
        written_at=datetime.now(UTC),
        n_items=events.n_items,
        event_names=events.event_names,
        forgotten=tuple(n for n in events.users.other_names if n < n_users),
        forgotten_ids=tuple(sorted(events.forgotten)),
        segments=tuple(segments),
        ids=folder.name,
        files=files,
    )


def load_snapshot(
    snapshots: Snapshots, record: SnapshotRecord, bundle: Bundle, known: Sequence[Segment] = ()
) -> LiveEvents:
    """Map a snapshot, after every file's checksum was verified.

    Args:
        known: segments that are mapped already; those are not read again.

    Raises:
        BundleError: it is damaged, or was made over another version; the message says what.
    """
    if record.fingerprint != bundle.fingerprint:
        raise BundleError(f"the snapshot of version {record.version} was made over other data")
    mapped: Mapping[str, Segment] = {segment.name: segment for segment in known if segment.name}
    snapshots.verify(record, [part for part in record.parts if part not in mapped])
    folder = snapshots.folder(record.version)
    try:
        ids = folder / record.ids
        users = nameless(bundle.log.user_vocabulary, record.forgotten).joined(IdTable.load(ids / "users"))
        segments = tuple(
            mapped.get(name) or load_segment(folder / name, name, users, record.event_names, record.n_items)
            for name in record.segments
        )
        items = tuple(ItemChange(*row) for row in json.loads((ids / "items.json").read_bytes()))
        missed = tuple(Event(*row) for row in json.loads((ids / "missed.json").read_bytes()))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder} cannot be read: {error}") from error
    forgotten = frozenset(record.forgotten_ids)
    return LiveEvents(segments, users, record.event_names, record.n_items, items, missed, forgotten)
