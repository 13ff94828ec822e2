"""Segments on disk: the log and all that features sum over it, one array a file, mapped when they are read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from features.measures import Measure, RunningColumns
from features.segment import ItemEvents, Segment, Timeline
from recsys.arrays.npy import load_array, new_array, save_array
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.merging import save_merged_segments

_STREAMS = {"acts": False, "impressions": True}


def save_segment(folder: Path, segments: Sequence[Segment], measures: Sequence[Measure]) -> None:
    """Write segments as one, array by array: few of them are in memory at once.

    Args:
        folder: an existing one.
        segments: in the order in which they came.
        measures: what features ask for.
    """
    save_merged_segments([segment.log for segment in segments], folder / "log")
    newest = segments[-1].log
    merged = Segment(InteractionLog.mapped(folder / "log", newest.user_vocabulary, newest.event_names, newest.n_items))
    save_array(folder / "by_user.npy", merged.by_user.keys)
    save_array(folder / "shown_to.npy", merged.shown_to.keys)
    for name, impressions in _STREAMS.items():
        own = [measure for measure in measures if measure.of_impressions == impressions]
        _save_events(folder / name, merged.item_events(impressions=impressions), own)


def _save_events(folder: Path, events: ItemEvents, measures: Sequence[Measure]) -> None:
    folder.mkdir()
    save_array(folder / "chosen.npy", events.chosen)
    save_array(folder / "times.npy", events.times)
    save_array(folder / "keys.npy", events.timeline.keys)
    columns = events.folded(measures, lambda name, shape: new_array(folder / f"{name}.npy", shape, np.float64))
    (folder / "measures.json").write_bytes(orjson.dumps([tuple(measure) for measure in columns.measures]))


def load_segment(folder: Path, name: str, users: Vocabulary, event_names: tuple[str, ...], n_items: int) -> Segment:
    """Map what `save_segment` wrote. `users` and `event_names` may have grown since."""
    segment = Segment(InteractionLog.mapped(folder / "log", users, event_names, n_items), name)
    acts, impressions = (_load_events(folder / stream, segment.log) for stream in _STREAMS)
    by_user = Timeline(load_array(folder / "by_user.npy"), acts.times)
    vars(segment).update(item_acts=acts, item_impressions=impressions, by_user=by_user)
    if (folder / "shown_to.npy").exists():  # no feature of a version that lacks it asks for it
        vars(segment).update(shown_to=Timeline(load_array(folder / "shown_to.npy"), impressions.times))
    return segment


def _load_events(folder: Path, log: InteractionLog) -> ItemEvents:
    chosen, times, keys, running, known = (
        load_array(folder / f"{name}.npy") for name in ("chosen", "times", "keys", "running", "known")
    )
    measures = tuple(Measure(*measure) for measure in orjson.loads((folder / "measures.json").read_bytes()))
    sums, states = tuple(m for m in measures if m.is_sum), tuple(m for m in measures if not m.is_sum)
    return ItemEvents.known(log, chosen, Timeline(keys, times), RunningColumns(measures, sums, states, running, known))
