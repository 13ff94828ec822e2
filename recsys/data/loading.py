"""A dataset directory, or frames, to a `Dataset`."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from recsys.config import Config, EventsConfig
from recsys.data.catalogue import ItemCatalogue
from recsys.data.dataset import Dataset
from recsys.data.durations import DAY
from recsys.data.event_batch import log_of_events
from recsys.data.events import Event
from recsys.data.events_table import (
    EventRows,
    build_log,
    distinct_events,
    plain_id,
    read_events,
    reject_unknown,
    stand_ins,
    unknown_items,
    with_whole_ids,
)
from recsys.data.files import find_table, open_table, require_table
from recsys.data.interactions import COLUMNS, InteractionLog
from recsys.data.items_table import read_items, with_unknown
from recsys.data.merging import merge_logs
from recsys.data.places import Place, at_hand, place, renamed
from recsys.data.pseudonyms import Pseudonyms
from recsys.data.schema import EVENTS, ITEMS, MAX_ID, USERS
from recsys.data.table import Table, frame_table
from recsys.data.user_profiles import UserProfiles
from recsys.data.users_table import read_users
from recsys.data.validation import NoUsableRowError, Rejections, misspelt, write_rejected
from recsys.progress import Progress, silent

_NAMED = 5
"""Names that one message lists."""

_SHOWN = 40
"""Characters that a message shows of a long id."""

_END_OF_1970 = 365 * DAY

_SAME = 0.1
"""Share of the events that are the same as another one from which on the log may be in the file twice."""

_ONE_USER = 0.1
"""Share of the events of one user from which on it may stand for many people."""

_TIMES_THE_MEAN = 10
"""Such a user also has so many times the events of the mean user, or more."""

_LISTS = 0.1
"""Share of the filled cells of a column of text from which on it may be one of lists."""

_OTHER_SCALE = 2.0
"""Values up to more than so many times the least that counts are of a scale on which that is low: 4 of 10 stars."""


@dataclass(frozen=True)
class LoadReport:
    """What a reading found besides the data.

    Attributes:
        rejections: bad rows, one entry a table.
        n_duplicates: events whose event_id was there before.
        doubts: a sentence for each thing that may be meant otherwise than it is read, such as a name that is nearly
            that of a known column.
    """

    rejections: tuple[Rejections, ...]
    n_duplicates: int
    doubts: tuple[str, ...] = ()

    @property
    def n_rejected(self) -> int:
        """Bad rows of all tables."""
        return sum(len(part) for part in self.rejections)

    def of(self, here: Path, where: Place) -> "LoadReport":
        """The report of a copy as that of what was copied."""
        parts = tuple(replace(part, name=renamed(part.name, here, where)) for part in self.rejections)
        return replace(self, rejections=parts, doubts=tuple(renamed(line, here, where) for line in self.doubts))


def load_dataset(
    folder: Place,
    config: Config = Config(),  # noqa: B008
    rejected: str | Path | None = None,
    progress: Progress = silent,
) -> Dataset:
    """Read `items.*`, `events.*` and `users.*` of a folder.

    Args:
        folder: a path, or a URL that fsspec knows; its files are parquet, csv or jsonl, the latter two also gzipped.
            The README says what is in them.
        config: `data.max_rejected`, `data.unknown_items`, `privacy` and the `events` section are used.
        rejected: a file for the bad rows, one JSON object a line; where none is bad, that of an earlier reading goes
            away. None keeps only their number.
        progress: called with a line of text for what is worth knowing, such as a column that may be misspelt.

    Raises:
        DataError: a file is missing, cannot be read or lacks a column, or too many rows are bad (nothing is written).
        ConfigError: pseudonyms are asked for, and there is no key for them.
    """
    dataset, report = read_dataset(place(str(folder)), config)
    for line in report.doubts:
        progress(line)
    if report.n_duplicates:
        progress(f"{report.n_duplicates:,} events whose event_id was there before count once")
    for part in report.rejections:
        part.check(config.data.max_rejected)
    if rejected is not None:
        write_rejected(Path(rejected), report.rejections)
    return dataset


def dataset_from_frames(
    items: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame,
    config: Config = Config(),  # noqa: B008
    users: pl.DataFrame | None = None,
) -> Dataset:
    """The same from frames with the columns of a dataset directory.

    Raises:
        DataError: as `load_dataset`; lines are rows, from 1.
    """
    table = None if users is None else frame_table(users, "users")
    dataset, report = _assemble(frame_table(items, "items"), frame_table(events, "events"), table, config)
    for part in report.rejections:
        part.check(config.data.max_rejected)
    return dataset


def read_dataset(folder: Place, config: Config) -> tuple[Dataset, LoadReport]:
    """Read a folder whatever the number of bad rows, and report them.

    Raises:
        DataError: a file is missing, cannot be read or lacks a column, or nothing usable is in it.
    """
    with at_hand(folder) as here:
        items, events = require_table(here, "items"), require_table(here, "events")
        path = find_table(here, "users")
        users = None if path is None else open_table(path, [column.name for column in USERS])
        tables = open_table(items), open_table(events, [column.name for column in EVENTS]), users
        dataset, report = _assemble(*tables, config)
        return dataset, report.of(here, folder)


def append_events(dataset: Dataset, events: Sequence[Event], config: Config = Config()) -> Dataset:  # noqa: B008
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
    digest.update("\n".join((*log.event_names, *log.user_vocabulary.ids(range(log.n_users)))).encode())
    for name in COLUMNS:
        digest.update(np.ascontiguousarray(getattr(log, name)).data)
    if profiles is not None:
        digest.update("\n".join(profiles.users.ids(range(len(profiles.users)))).encode())
        for part in (profiles.groups.members.indptr, profiles.groups.members.indices):
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _doubts(log: InteractionLog, name: str, config: EventsConfig) -> Iterator[str]:
    """A sentence for each event name that differs only in letter case from one that `events.weights` names, for all
    others that it does not name, for values of another scale than `events.min_value`, for values below 0 that count,
    for times that are none, and for places that are not counted from 0."""
    unknown = [found for found in log.event_names if found not in config.weights]
    for found in unknown:
        if found.lower() in config.weights:
            yield f"{name}: the event {found!r} is not {found.lower()!r}, and so worth events.default_weight"
    strange = [repr(found) for found in unknown if found.lower() not in config.weights]
    if strange:
        named = f"{', '.join(strange[:_NAMED])}{', ...' if len(strange) > _NAMED else ''}"
        wanted = (
            ", so wanted; weigh what is none, as a hide, with 0, and what is worth more, as an order, with more"
            if config.default_weight
            else ""
        )
        worth = f"worth events.default_weight = {config.default_weight:g}{wanted}"
        yield f"{name}: events.weights does not name {named}: {worth}"
    for code, found in enumerate(log.event_names):
        own = log.events == code
        least, most = config.min_value.get(found), np.fmax.reduce(log.values[own], initial=-np.inf)
        if least is not None and most > _OTHER_SCALE * least > 0:
            reach = f"go up to {most:g}, and are a sign of interest from events.min_value = {least:g} on"
            yield f"{name}: values of {found!r} {reach}; set another least value if that is low on their scale"
        if least is not None and -np.inf < most < least:
            reach = f"go up to {most:g}, and none is a sign of interest: events.min_value = {least:g}"
            yield f"{name}: values of {found!r} {reach}; set a least value of their scale"
        n_below = np.count_nonzero(own & (log.values < 0) & (log.weights > 0))
        if n_below:
            counted = f"{n_below:,} of {found!r} have a value below 0, and are a sign of interest all the same"
            yield f"{name}: {counted}; if they are returns, set its events.min_value to 0"
    lost = int(np.count_nonzero(log.is_impression & (log.requests < 0)))
    if lost:
        yield f"{name}: {lost:,} impressions have no request_id; nothing tells what followed, so they teach nothing"
    if not (log.weights > 0).any():
        yield f"{name}: no event is a sign of interest by events.weights and events.min_value; nothing can be learned"
    if len(log) and log.times[-1] < _END_OF_1970:
        yield f"{name}: all times lie in 1970 or before; if they are days, or hours, write dates or epoch seconds"
    places = log.positions[log.is_impression & (log.positions >= 0)]
    if len(places) and places.min() > 0:
        yield f"{name}: no impression has position 0, the first place of a list; if the first one is 1, subtract 1"


def _alike_items(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """A sentence where ids look like one item's, written in several ways."""
    ids = catalogue.frame.select("item_id", plain_id(pl.col("item_id")).alias("plain"))
    alike = ids.filter(pl.col("plain").is_duplicated())
    if len(alike):
        some = " and ".join(map(repr, alike.filter(pl.col("plain") == alike["plain"][0])["item_id"].head(2)))
        yield (
            f"{name}: {len(alike):,} item_ids differ from another one only by case or white space, such as {some}; "
            "each is an item of its own: if they are one, write them alike"
        )


def _lists_as_text(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """A sentence for each column that holds one text an item, and is filled with what looks like lists."""
    for column in ("category", "brand"):
        filled = catalogue.frame[column].drop_nulls()
        lists = filled.filter(filled.str.contains(r"^\s*\[.*\]\s*$|.\|."))
        if len(lists) > _LISTS * len(filled):
            yield (
                f"{name}: {column} looks like a list in {len(lists):,} rows, such as {lists[0][:_SHOWN]!r}, and is "
                "read as one text: write lists into tags, or lists of JSON or Parquet into a column of another name"
            )


def _same_events(rows: EventRows) -> Iterator[str]:
    """A sentence where many events without an event_id are the same as another one: the log may be there twice."""
    frame = rows.frame.filter(pl.col("key").is_null()).drop("row", "key")
    n_same = len(frame) - frame.n_unique()
    if n_same > _SAME * len(frame):
        yield (
            f"{rows.rejections.name}: {n_same:,} of {len(frame):,} events are the same as another one in every column, "
            "and all count; if the log is in the file twice, remove one, or give each event an event_id"
        )


def _giant_user(log: InteractionLog, name: str) -> Iterator[str]:
    """A sentence where one user has so many events that it may stand for all who are not known by name."""
    counts = np.bincount(log.users)
    if len(counts) and counts.max() > max(_ONE_USER, _TIMES_THE_MEAN / len(counts)) * len(log):
        giant = log.user_vocabulary.id(int(np.argmax(counts)))[:_SHOWN]
        yield (
            f"{name}: {counts.max():,} of {len(log):,} events are of the user {giant!r}; if it stands for many people, "
            "such as guests, give each of their sessions a user_id of its own; if it is a program, leave its events out"
        )


def _long_ids(ids: Sequence[str], name: str, column: str) -> Iterator[str]:
    """A sentence where ids are longer than a server takes: it would list them, and refuse the events that follow."""
    long = [id_ for id_ in ids if len(id_) > MAX_ID]
    if long:
        yield (
            f"{name}: {len(long):,} {column}s are longer than {MAX_ID} characters, such as {long[0][:_SHOWN]!r}...; "
            "`recsys rank` lists them, but a server takes no events and no requests with them: shorten them"
        )


def _assemble(items: Table, events: Table, users: Table | None, config: Config) -> tuple[Dataset, LoadReport]:
    catalogue, rejected_items = read_items(items)
    rows = with_whole_ids(read_events(events), catalogue.vocabulary)
    if config.data.unknown_items == "add":
        catalogue = with_unknown(catalogue, unknown_items(rows, catalogue.vocabulary))
    else:
        rows = reject_unknown(rows, catalogue.vocabulary)
    odd_ids = stand_ins(rows)
    rows, n_duplicates = distinct_events(rows)
    same = tuple(_same_events(rows))
    if rows.frame.is_empty():
        words = f"{events.name} has no usable event: {'; '.join(rows.rejections.top_reasons())}"
        if len(rejected_items):
            words += f"; and {items.name} has bad rows: {'; '.join(rejected_items.top_reasons())}"
        raise NoUsableRowError(words, (rejected_items, rows.rejections))
    log = build_log(rows, catalogue.vocabulary, config.events)
    long_users = tuple(_long_ids(log.user_vocabulary.ids(range(log.n_users)), events.name, "user_id"))
    pseudonyms = Pseudonyms.of_config(config.privacy)
    if pseudonyms is not None:
        log = pseudonyms.of_log(log)
    doubts = (
        *misspelt(items, ITEMS),
        *misspelt(events, EVENTS),
        *_alike_items(catalogue, items.name),
        *_lists_as_text(catalogue, items.name),
        *_long_ids(catalogue.frame["item_id"].to_list(), items.name, "item_id"),
        *long_users,
        *odd_ids,
        *same,
        *_giant_user(log, events.name),
        *_doubts(log, events.name, config.events),
    )
    rejections, profiles = [rejected_items, rows.rejections], None
    if users is not None:
        frame, rejected_users = read_users(users)
        rejections.append(rejected_users)
        profiles = UserProfiles.of(frame, pseudonyms)
        doubts = (*doubts, *_doubts_of_users(profiles, log, users.name))
    report = LoadReport(tuple(rejections), n_duplicates, doubts)
    return Dataset(catalogue, log, report.n_rejected, fingerprint(catalogue, log, profiles), profiles), report


def _doubts_of_users(profiles: UserProfiles | None, log: InteractionLog, name: str) -> Iterator[str]:
    """A sentence where nothing can be learned from the user table."""
    if profiles is None:
        yield f"{name} says nothing that two users have in common, and so changes nothing"
    elif (profiles.rows_of(log.user_vocabulary) < 0).all():
        yield f"{name}: none of its users has an event; if ids are written in another way there, write them alike"
