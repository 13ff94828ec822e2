"""A dataset directory, or frames, to a `Dataset`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from recsys.config import Config
from recsys.counts import counted
from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.events.event_batch import log_of_events
from recsys.data.events.events_table import (
    UNKNOWN_ITEM,
    build_log,
    distinct_events,
    read_events,
    reject_unknown,
    unknown_items,
    with_whole_ids,
)
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.items.items_table import read_items, with_unknown
from recsys.data.log.interactions import COLUMNS, InteractionLog
from recsys.data.log.merging import merge_logs
from recsys.data.quality.events import event_warnings
from recsys.data.quality.ids import changed_ids, ids_for_no_value, long_ids
from recsys.data.quality.items import item_warnings
from recsys.data.quality.positions import position_bias
from recsys.data.quality.tables import misspelt_columns, repeated_events, user_table_warnings
from recsys.data.tables.files import find_table, open_table, require_table
from recsys.data.tables.rejections import NoUsableRowError, Rejections, write_rejected
from recsys.data.tables.schema import EVENTS, ITEMS, USERS
from recsys.data.tables.table import Table, frame_table
from recsys.data.tables.validation import require_columns
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.data.users.user_profiles import UserProfiles
from recsys.data.users.users_table import read_users
from recsys.errors import check_kind
from recsys.locations import Location, local_copy, location, renamed
from recsys.progress import Progress, silent


@dataclass(frozen=True)
class LoadReport:
    """What a reading found besides the data.

    Attributes:
        rejections: bad rows, one entry a table.
        n_duplicates: events whose event_id was there before.
        warnings: a sentence for each thing that may be a mistake, such as a name that is nearly that of a known column.
    """

    rejections: tuple[Rejections, ...]
    n_duplicates: int
    warnings: tuple[str, ...] = ()

    @property
    def n_rejected(self) -> int:
        """Bad rows of all tables."""
        return sum(len(part) for part in self.rejections)

    def of(self, here: Path, where: Location) -> "LoadReport":
        """The report of a copy as that of what was copied."""
        parts = tuple(replace(part, name=renamed(part.name, here, where)) for part in self.rejections)
        return replace(self, rejections=parts, warnings=tuple(renamed(line, here, where) for line in self.warnings))


def load_dataset(
    folder: Location,
    config: Config = Config(),
    rejected: str | Path | None = None,
    progress: Progress = silent,
) -> Dataset:
    """Read `items.*`, `events.*` and `users.*` of a folder.

    Args:
        folder: a path, or a URL that fsspec knows; its files are parquet, csv or jsonl, the latter two also gzipped.
            The README and docs/data.md say what is in them.
        config: `data.max_rejected`, `data.unknown_items`, `privacy` and the `events` section are used.
        rejected: a file for the bad rows, one JSON object a line; without bad rows, the file of an earlier reading is
            removed. None keeps only their number.
        progress: called with a line of text for what is worth knowing, such as a column that may be misspelt.

    Raises:
        DataError: a file is missing, cannot be read or lacks a column, or too many rows are bad (nothing is written).
        ConfigError: pseudonyms are asked for, and there is no key for them.
    """
    check_kind(config, Config, "load_dataset takes a Config, such as load_config(None, ['text.epochs=2']) makes")
    dataset, report = read_dataset(location(str(folder)), config)
    for line in report.warnings:
        progress(line)
    if report.n_duplicates:
        progress(f"left out: {counted(report.n_duplicates, 'event')} with an event_id that was there before")
    for part in report.rejections:
        part.check(config.data.max_rejected)
    if rejected is not None:
        write_rejected(Path(rejected), report.rejections)
    return dataset


def dataset_from_frames(
    items: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame,
    config: Config = Config(),
    users: pl.DataFrame | None = None,
) -> Dataset:
    """A data set from frames that have the columns of a dataset directory.

    Raises:
        DataError: as `load_dataset`; lines are rows, from 1.
    """
    check_kind(config, Config, "dataset_from_frames takes a Config, such as load_config(None, ['text.epochs=2']) makes")
    table = None if users is None else frame_table(users, "users")
    dataset, report = _assemble(frame_table(items, "items"), frame_table(events, "events"), table, config)
    for part in report.rejections:
        part.check(config.data.max_rejected)
    return dataset


def read_dataset(folder: Location, config: Config) -> tuple[Dataset, LoadReport]:
    """Read a folder whatever the number of bad rows, and report them.

    Raises:
        DataError: a file is missing, cannot be read or lacks a column, or nothing usable is in it.
    """
    with local_copy(folder) as here:
        items, events = require_table(here, "items"), require_table(here, "events")
        path = find_table(here, "users")
        users = None if path is None else open_table(path, [column.name for column in USERS])
        tables = open_table(items), open_table(events, [column.name for column in EVENTS]), users
        dataset, report = _assemble(*tables, config)
        return dataset, report.of(here, folder)


def append_events(dataset: Dataset, events: Sequence[Event], config: Config = Config()) -> Dataset:
    """The data set with events from a store added, in time order.

    Known users and event names keep their numbers, new ones come behind. A repeated event_id counts once, events of
    items that are not in the catalogue are set aside and counted in `n_rejected`. A request whose events lie in both is
    one request.
    """
    if not events:
        return dataset
    old = dataset.log
    items = dataset.catalogue.vocabulary
    new, n_unknown = log_of_events(events, items, old.user_vocabulary, old.event_names, config.events)
    log = merge_logs(old, new)
    return replace(
        dataset,
        log=log,
        n_rejected=dataset.n_rejected + n_unknown,
        fingerprint=fingerprint(dataset.catalogue, log, dataset.profiles),
    )


def fingerprint(catalogue: ItemCatalogue, log: InteractionLog, profiles: UserProfiles | None) -> str:
    """sha256 of the content: the same for the same rows, whatever kind of file they came from."""
    digest = hashlib.sha256()
    for row in catalogue.frame.iter_rows():
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    digest.update("\n".join((*log.event_names, *log.user_vocabulary)).encode())
    for name in COLUMNS:
        digest.update(np.ascontiguousarray(getattr(log, name)).data)
    if profiles is not None:
        digest.update("\n".join(profiles.users).encode())
        for part in (profiles.groups.members.indptr, profiles.groups.members.indices):
            digest.update(np.ascontiguousarray(part).data)
        if profiles.stages is not None:
            digest.update(np.ascontiguousarray(profiles.stages.offsets).data)
            digest.update(np.ascontiguousarray(profiles.stages.begins).data)
    return digest.hexdigest()


def _assemble(items: Table, events: Table, users: Table | None, config: Config) -> tuple[Dataset, LoadReport]:
    """Tables to a data set. What may be a mistake is looked for while it is still there: ids before pseudonyms replace
    them, repetitions before they are left out.

    Raises:
        DataError: a table lacks a column, or nothing usable is in it.
    """
    require_columns((items, ITEMS), (events, EVENTS), *([] if users is None else [(users, USERS)]))
    catalogue, rejected_items = read_items(items)
    rows = with_whole_ids(read_events(events), catalogue.vocabulary)
    if config.data.unknown_items == "add":
        catalogue = with_unknown(catalogue, unknown_items(rows, catalogue.vocabulary))
    else:
        rows = reject_unknown(rows, catalogue.vocabulary)
    odd_ids = ids_for_no_value(rows)
    rows, n_duplicates = distinct_events(rows)
    repeated = tuple(repeated_events(rows))
    if rows.frame.is_empty():
        words = f"{events.name} has no usable event: {'; '.join(rows.rejections.top_reasons())}"
        if rows.rejections.rows["reason"].eq(UNKNOWN_ITEM).any():
            words += f"; items have ids such as {catalogue.frame['item_id'][0]!r}"
        if len(rejected_items):
            words += f"; and {items.name} has bad rows: {'; '.join(rejected_items.top_reasons())}"
        raise NoUsableRowError(words, (rejected_items, rows.rejections))
    log = build_log(rows, catalogue.vocabulary, config.events)
    long_users = tuple(long_ids(list(log.user_vocabulary), events.name, "user_id"))
    pseudonyms = Pseudonyms.of_config(config.privacy)
    if pseudonyms is not None:
        log = pseudonyms.of_log(log)
    warnings = (
        *misspelt_columns(items, ITEMS),
        *misspelt_columns(events, EVENTS),
        *item_warnings(catalogue, items.name, config.text),
        *long_users,
        *odd_ids,
        *repeated,
        *event_warnings(log, events.name, config.events),
        *(() if config.ranker.debias else (f"{events.name}: {line}" for line in position_bias(log))),
        *changed_ids(catalogue, log, items.name),
    )
    rejections, profiles = [rejected_items, rows.rejections], None
    if users is not None:
        frame, rejected_users = read_users(users)
        rejections.append(rejected_users)
        profiles = UserProfiles.of(frame, log, pseudonyms)
        warnings = (*warnings, *user_table_warnings(profiles, log, users.name))
    report = LoadReport(tuple(rejections), n_duplicates, warnings)
    return Dataset(catalogue, log, report.n_rejected, fingerprint(catalogue, log, profiles), profiles), report
