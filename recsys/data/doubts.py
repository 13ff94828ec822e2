"""Data that can be read, but may be a mistake: a sentence for each such thing, that says what it is and what to do."""

import difflib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from recsys.config import EventsConfig
from recsys.counts import counted
from recsys.data.events.events_table import EventRows, plain_id
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.tables.schema import MAX_ID, Column
from recsys.data.tables.table import Table
from recsys.data.users.user_profiles import UserProfiles
from recsys.moments import DAY, day_of

_NAMED = 5
"""Names that one sentence lists."""

_SHOWN = 40
"""Characters that a sentence shows of a long id."""

_END_OF_1970 = 365 * DAY

_LONG_GAP = 30 * DAY
"""Shops close for less."""

_SAME = 0.1
"""If more than this share of the events are the same as another one, the log may be in the file twice."""

_UNDER_OLD_IDS = 0.1
"""If more than this share of the events are of items that are gone, and are there in the same words, ids changed."""

_ONE_USER = 0.1
"""A user with more than this share of the events may stand for many people."""

_TIMES_THE_MEAN = 10
"""Such a user also has more than this many times the events of the mean user."""

_NEAR = 0.8
"""Smallest similarity of two names, from 0 to 1, at which one may be the other misspelt."""

_NO_VALUE = ("NULL", "null", "Null", r"\N", "nan", "NaN", "None", "<NA>", "NA", "N/A")
"""What databases and programs write where there is no value. Used as an id, each is taken for an id like any other."""

_LISTS = 0.1
"""If more than this share of the filled cells of a column of text look like lists, it may hold lists."""

_OTHER_SCALE = 2.0
"""If the largest value is more than this many times the least that counts, the latter is low on its scale: 4 of 10
stars."""

_NOT_RATED = 0.1
"""If more than this share of an event's values are 0, which is too low to count, 0 may stand for no rating."""

_IN_A_ROW = 1.05
"""Users come one after another if the log goes from one to the next at most this many times as often as it must."""

_FEW_EACH = 3
"""With fewer events than this for each user, that may be so by chance."""

_NO_PAUSE = 2.0
"""Between two visits a pause is longer than this many times the one between two acts; between two rows it is not."""


def misspelt(table: Table, columns: Sequence[Column]) -> list[str]:
    """A sentence for each optional column that is missing, if a further column has nearly its name."""
    known = {column.name for column in columns}
    strange = {name.lower(): name for name in table.dtypes if name not in known}
    there = table.dtypes.keys() - table.unseen
    missing = [column.name for column in columns if not column.required and column.name not in there]
    near = {name: difflib.get_close_matches(name, strange, n=1, cutoff=_NEAR) for name in missing}
    return [
        f"{table.name}: column {strange[found[0]]!r} is not known; if it is {name!r}, rename it"
        for name, found in near.items()
        if found
    ]


def doubts_of_items(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Doubts about the item table; `name` is that of its file."""
    yield from _alike_ids(catalogue, name)
    yield from _lists_as_text(catalogue, name)
    yield from _prices_below_zero(catalogue, name)
    yield from _gone_before_they_came(catalogue, name)
    yield from long_ids(catalogue.frame["item_id"].to_list(), name, "item_id")


def doubts_of_events(log: InteractionLog, name: str, config: EventsConfig) -> Iterator[str]:
    """Doubts about the event table, once it is a log; `name` is that of its file."""
    for sentence in (
        *_giant_user(log),
        *names_without_weight(log.event_names, config),
        *_strange_values(log, config),
        *_impressions_without_request(log),
        *_nothing_wanted(log),
        *_times_of_1970(log),
        *_long_after_the_others(log),
        *_times_without_order(log),
        *_places_from_one(log),
    ):
        yield f"{name}: {sentence}"


def doubts_of_ids(catalogue: ItemCatalogue, log: InteractionLog, name: str) -> Iterator[str]:
    """Items that only got new ids, as when a shop moves to another system: nothing that was done with the old ones
    would tell of the new ones. `name` is that of the item table's file.

    Such a pair has all texts in common, is the only one that has them, and events of the new item begin where those of
    the old one end.
    """
    begun, ended = np.full(len(catalogue), np.inf), np.full(len(catalogue), -np.inf)
    np.minimum.at(begun, log.items, log.times)
    np.maximum.at(ended, log.items, log.times)
    gone = ~catalogue.available | (catalogue.gone <= log.times.max(initial=0))
    texts = ["title", "description", "category", "brand"]
    items = catalogue.frame.select(
        "item_id", *texts, gone=gone, begun=begun, ended=ended, events=np.bincount(log.items, minlength=len(catalogue))
    ).filter(pl.len().over(texts) == 2)
    old, new = items.filter("gone"), items.filter(~pl.col("gone"))
    pairs = old.join(new, on=texts, nulls_equal=True).filter(pl.col("ended") <= pl.col("begun_right"))
    share = pairs["events"].sum() / max(len(log), 1)
    if share > _UNDER_OLD_IDS:
        first, second = pairs.select("item_id", "item_id_right").row(0)
        yield (
            f"{name}: {counted(len(pairs), 'item')} that cannot be listed any more, with {share:.0%} of the events, "
            f"read like items that can, such as {first[:_SHOWN]!r} and {second[:_SHOWN]!r}; if they only got new ids, "
            "give their events the new ids: what was done with the old ones says nothing about the new ones"
        )


def doubts_of_users(profiles: UserProfiles | None, log: InteractionLog, name: str) -> Iterator[str]:
    """Doubts about the user table, where nothing can be learned from it; `name` is that of its file."""
    if profiles is None:
        yield f"{name}: no two users have a value in common, so nothing can be learned from it"
    elif (profiles.rows(log.user_vocabulary) < 0).all():
        yield f"{name}: none of its users has an event; if the events write the ids in another way, write them alike"


def stand_ins(rows: EventRows) -> list[str]:
    """A sentence for each column of ids that holds words which other programs write for no value."""
    frame, words = rows.frame, pl.Series(_NO_VALUE)
    found = [
        (column, word, n, "one request" if column == "request_id" else "one user")
        for column, name in (("user_id", "user"), ("request_id", "request"))
        for word in words.filter(words.is_in(frame[name].drop_nulls().unique().cast(pl.String).to_list()))
        if (n := frame.filter(pl.col(name) == word).height) > 1
    ]
    keys = zip(words, words.hash(), strict=True)
    found += [
        ("event_id", word, n, "the same event") for word, key in keys if (n := int((frame["key"] == key).sum())) > 1
    ]
    name, mend = rows.rejections.name, "if it stands for no value, leave the cells empty"
    return [
        f"{name}: {column} is {word!r} in {n:,} rows, which count as {meant}; {mend}"
        for column, word, n, meant in found
    ]


def same_events(rows: EventRows) -> Iterator[str]:
    """Many events without an event_id that are the same as another one: the log may be in the file twice."""
    frame = rows.frame.filter(pl.col("key").is_null()).drop("row", "key")
    n_same = len(frame) - frame.n_unique()
    if n_same > _SAME * len(frame):
        yield (
            f"{rows.rejections.name}: {n_same:,} of {len(frame):,} events are the same as another one in every column, "
            "and all count; if the log is in the file twice, remove one, or give each event an event_id"
        )


def long_ids(ids: Sequence[str], name: str, column: str) -> Iterator[str]:
    """Ids that are longer than a server takes: it would list them, and refuse the events that follow."""
    long = [id_ for id_ in ids if len(id_) > MAX_ID]
    if long:
        ids_are = counted(len(long), f"{column} is", f"{column}s are")
        yield (
            f"{name}: {ids_are} longer than {MAX_ID} characters, such as {long[0][:_SHOWN]!r}...; "
            "`recsys rank` lists them, but a server takes no events and no requests with them: shorten them"
        )


def _alike_ids(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Ids that look like one item's, written in several ways."""
    ids = catalogue.frame.select("item_id", plain_id(pl.col("item_id")).alias("plain"))
    alike = ids.filter(pl.col("plain").is_duplicated())
    if len(alike):
        some = " and ".join(map(repr, alike.filter(pl.col("plain") == alike["plain"][0])["item_id"].head(2)))
        yield (
            f"{name}: {len(alike):,} item_ids differ from another one only by case, white space or the Unicode form of "
            f"accents, such as {some}; each is an item of its own: if they are one, write them alike"
        )


def _lists_as_text(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Columns of one text an item that seem to hold lists."""
    for column in ("category", "brand"):
        filled = catalogue.frame[column].drop_nulls()
        lists = filled.filter(filled.str.contains(r"^\s*\[.*\]\s*$|.\|."))
        if len(lists) > _LISTS * len(filled):
            yield (
                f"{name}: {column} looks like a list in {counted(len(lists), 'row')}, such as {lists[0][:_SHOWN]!r}, "
                "and is read as one text: write lists into tags, or as lists of JSON or Parquet into another column"
            )


def _prices_below_zero(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Prices that are none, such as a -1 that stands for no price."""
    below = catalogue.frame.filter(pl.col("price") < 0)
    if len(below):
        items_have = counted(len(below), "item has", "items have")
        yield (
            f"{name}: {items_have} a price below 0, such as {below['item_id'][0][:_SHOWN]!r} with "
            f"{below['price'][0]:g}, and it counts as one; leave the cell empty where there is no price"
        )


def _gone_before_they_came(catalogue: ItemCatalogue, name: str) -> Iterator[str]:
    """Items that no list of any moment can hold."""
    never = catalogue.frame.filter(pl.col("available_until") < pl.col("created_at"))
    if len(never):
        items_are = counted(len(never), "item is", "items are")
        yield (
            f"{name}: {items_are} available until a moment before created_at, such as "
            f"{never['item_id'][0][:_SHOWN]!r}, so no list holds them; correct one of the two"
        )


def _giant_user(log: InteractionLog) -> Iterator[str]:
    """One user with so many events that it may stand for all who are not known by name."""
    counts = np.bincount(log.users)
    if len(counts) and counts.max() > max(_ONE_USER, _TIMES_THE_MEAN / len(counts)) * len(log):
        giant = log.user_vocabulary.id(int(np.argmax(counts)))[:_SHOWN]
        yield (
            f"{counts.max():,} of {len(log):,} events are of the user {giant!r}; if this id stands for many people, "
            "such as guests, give each session a user_id of its own; if it is a program, leave its events out"
        )


def names_without_weight(names: Iterable[str], config: EventsConfig) -> Iterator[str]:
    """Event names that `events.weights` has in another letter case, and those that it does not have at all."""
    unknown = [found for found in names if found not in config.weights]
    for found in unknown:
        if found.lower() in config.weights:
            yield (
                f"the event {found!r} is not the same as {found.lower()!r}, so it is worth events.default_weight; "
                "write both alike, or name it in events.weights"
            )
    strange = [repr(found) for found in unknown if found.lower() not in config.weights]
    if strange:
        named = f"{', '.join(strange[:_NAMED])}{', ...' if len(strange) > _NAMED else ''}"
        wanted = (
            ", so it counts as a sign of interest; give 0 to what is none, such as a hide, and more to what is worth "
            "more, such as an order"
            if config.default_weight
            else ""
        )
        worth = f"each is worth events.default_weight = {config.default_weight:g}{wanted}"
        yield f"events.weights does not name {named}: {worth}"


def _strange_values(log: InteractionLog, config: EventsConfig) -> Iterator[str]:
    """Values on another scale than `events.min_value`, and values below 0 that are signs of interest."""
    for number, found in enumerate(log.event_names):
        own = log.events == number
        least, most = config.min_value.get(found), np.fmax.reduce(log.values[own], initial=-np.inf)
        if least is not None and most > _OTHER_SCALE * least > 0:
            reach = f"go up to {most:g}, and are a sign of interest from events.min_value = {least:g} on"
            yield f"values of {found!r} {reach}; if that is low on their scale, set a higher events.min_value"
        if least is not None and -np.inf < most < least:
            reach = f"go up to {most:g}, and none is a sign of interest: events.min_value = {least:g}"
            yield f"values of {found!r} {reach}; set one that fits their scale"
        n_zero = int(np.count_nonzero(own & (log.values == 0)))
        if least is not None and least > 0 and n_zero > _NOT_RATED * np.count_nonzero(own):
            zeros = f"{n_zero:,} of {np.count_nonzero(own):,} values of {found!r} are 0, which is no sign of interest"
            yield f"{zeros}; if 0 stands for what was chosen and not rated, leave these cells empty"
        n_below = int(np.count_nonzero(own & (log.values < 0) & (log.weights > 0)))
        if n_below:
            have, count = ("has", "counts") if n_below == 1 else ("have", "count")
            below = f"{counted(n_below, 'event')} {found!r} {have} a value below 0 and still {count}"
            yield f"{below} as a sign of interest; if they are returns, set events.min_value of {found!r} to 0"


def _impressions_without_request(log: InteractionLog) -> Iterator[str]:
    lost = int(np.count_nonzero(log.is_impression & (log.requests < 0)))
    if lost:
        impressions_have = counted(lost, "impression has", "impressions have")
        yield (
            f"{impressions_have} no request_id, so nothing is learned from what followed; "
            "give those of one list the same request_id"
        )


def _nothing_wanted(log: InteractionLog) -> Iterator[str]:
    if not (log.weights > 0).any():
        yield (
            "no event is a sign of interest by events.weights and events.min_value, so nothing can be learned; "
            "set them to fit these events"
        )


def _times_of_1970(log: InteractionLog) -> Iterator[str]:
    if len(log) and log.times[-1] < _END_OF_1970:
        yield "all times lie in 1970 or before; if they count days or hours, write dates or epoch seconds"


def _long_after_the_others(log: InteractionLog) -> Iterator[str]:
    """A few events that come so long after all others that their times may be wrong."""
    newest = log.times[-max(2, len(log) // 100) :]
    gaps = np.diff(newest)
    if not len(gaps):
        return
    gap, first = int(gaps.max()), int(np.argmax(gaps)) + 1
    if gap > max(_LONG_GAP, (newest[first - 1] - log.times[0]) // 2):
        late = len(newest) - first
        have, come = ("its time is", "comes") if late == 1 else ("their times are", "come")
        yield (
            f"{counted(late, 'event')} {come} {gap // DAY:,} days after all others, on {day_of(int(newest[first]))}; "
            f"if {have} wrong, correct or remove {'it' if late == 1 else 'them'}: what is recent is seen from there"
        )


def _times_without_order(log: InteractionLog) -> Iterator[str]:
    """Times that were made up: one for all events, or the numbers of the rows of a table that is sorted by user."""
    n_users = len(np.unique(log.users))
    if n_users < 2 or len(log) < _FEW_EACH * n_users:
        return
    mend = "write real times or, where the order is unknown, number the events of all users in one random order"
    gaps, changes = np.diff(log.times), np.diff(log.users) != 0
    if not gaps.any():
        yield f"all events have one time, so none comes before another; {mend}"
    in_a_row = np.count_nonzero(changes) <= _IN_A_ROW * (n_users - 1)
    if in_a_row and np.median(gaps[changes]) <= _NO_PAUSE * np.median(gaps[~changes]) > 0:
        yield (
            "users come one after another, each with all its events, and without a pause between two of them; if the "
            "times are the row numbers of a table sorted by user, training learns from some users and is measured on "
            f"others; {mend}"
        )


def _places_from_one(log: InteractionLog) -> Iterator[str]:
    places = log.positions[log.is_impression & (log.positions >= 0)]
    if len(places) and places.min() > 0:
        yield "no impression has position 0, the first place of a list; if 1 is your first place, subtract 1 everywhere"
