"""Training that continues from a version (a warm start): it learns from new events and keeps what it knows."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from features.state import EventState
from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.split import TemporalSplit
from recsys.data.tables.item_columns import in_current_type
from recsys.eval.results import MeasuredReport
from recsys.pipeline.candidates.fitting import SourceFitting
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.past.scoring import PastPipeline
from recsys.pipeline.recommender.bundle import Bundle, TrainedBundle
from recsys.pipeline.recommender.matching import with_event_names_of
from recsys.pipeline.training.rows import UnseenWindow
from recsys.pipeline.training.steps import TrainingSteps
from recsys.pipeline.training_run import TrainingRun
from recsys.progress import Progress, silent
from recsys.text.cache import VectorCache

_TEXT_SHARE = 0.2
"""Share of the text budget. The text model learns from the events before the test only: what the others say about words
can wait for the next training."""

_FEWER_PASSES = 4
"""ALS and the text network make this many times fewer passes over the log than when trained from scratch; `warm_passes`
takes no further share of these."""


def can_continue(parent: Bundle, dataset: Dataset) -> bool:
    """Whether all sources of the parent can be fitted on these data: its ranker works with no others.

    Args:
        dataset: with the parent's items first, see `renumbered`.
    """
    fitting = SourceFitting(dataset.catalogue, dataset.profiles, parent.config)
    can_be_fitted = {source for source in parent.config.candidates.sources if fitting.can_fit(source)}
    return can_be_fitted == set(parent.sources.names)


def continue_training(
    parent: Bundle,
    dataset: Dataset,
    *,
    seed: int = 0,
    test_start: int,
    cache: VectorCache | None = None,
    progress: Progress = silent,
) -> TrainedBundle:
    """Train a version that continues from an earlier one, the parent, which has not seen the new events.

    1. The parent's sources propose items for the new requests before the test. What users did there updates the
       parent's ranker, in whichever way validates best (see `recsys.rank.continuation`).
    2. The sources are updated with those events. With that ranker they are measured on the test window.
    3. The parent's ranker is updated in the same way with the requests of both windows, and the collaborative sources
       with all events.

    Args:
        parent: a version that has learned from the events up to its data's end.
        dataset: a log that reaches beyond that, with the parent's items first; see `renumbered`.
        seed: every random draw follows from it.
        test_start: microseconds; new events from it on are the test.
        cache: text vectors encoded before; without it they are kept for this run only.
        progress: called with a line of text now and then.

    Raises:
        DataError: the log is too short to be cut into windows.
    """
    log, end = dataset.log, parent.data_record.end
    cut = TemporalSplit.of(log, parent.config.data, test_start)
    split = replace(cut, ranker_start=int(log.times[0]) if end is None else min(end + 1, cut.test_start))
    with tempfile.TemporaryDirectory() as folder:
        cache = cache or VectorCache(Path(folder) / "vectors")
        config = _with_fewer_passes(parent.config)
        run = TrainingRun(seed, cache, progress=progress, warm_passes=1.0)
        steps = TrainingSteps(dataset, config, EventState(log), run)
        features, ranker = parent.features, parent.config.ranker

        # 1. The parent's ranker goes on with requests that the parent has not seen.
        past_of_parent = steps.past(_sources_for(parent, dataset.catalogue))
        window = UnseenWindow(past_of_parent, features, split.ranker_start)
        rows = steps.rows(window, steps.requests_in(split.ranker_start, split.test_start))
        rankers_before_test, continuation = parent.rankers.continued(rows, ranker, run)

        # 2. Models that have seen only what came before the test are measured on it.
        past_before_test = steps.learn(split.test_start, _TEXT_SHARE, parent.sources)
        window = UnseenWindow(past_before_test, features, split.test_start)
        test = steps.requests_in(split.test_start, split.end)
        report = steps.backtest(window.pipeline(rankers_before_test), test, split, {})

        # 3. The ranker learns from both windows, the collaborative sources from everything.
        rankers = rankers_before_test.continued_again(continuation, rows, steps.rows(window, test), ranker, run)
        past_of_everything = steps.learn(split.end, 0.0, past_before_test.scoring.sources)
    sources = past_of_everything.scoring.sources
    bundle = TrainedBundle.of(dataset, parent.config, parent.requested_config, sources, features, rankers, report)
    return replace(bundle, continued=parent.continued + 1)


def measure_as_served(parent: Bundle, dataset: Dataset, start: int, seed: int, progress: Progress) -> MeasuredReport:
    """Measure a version on the requests after a moment, with the items and events that a server knows by then.

    Args:
        parent: has learned from nothing after that moment.
        dataset: with the parent's items first; see `renumbered`.
        start: microseconds.
    """
    split = TemporalSplit.of(dataset.log, parent.config.data, start)
    steps = TrainingSteps(dataset, parent.config, EventState(dataset.log), TrainingRun(seed, progress=progress))
    past = steps.past(_sources_for(parent, dataset.catalogue))
    test = steps.requests_in(split.test_start, split.end)
    return steps.backtest(PastPipeline(past, parent.features, parent.rankers.alone), test, split, {})


def renumbered(dataset: Dataset, parent: Bundle) -> Dataset:
    """A data set renumbered: a version's items and event names first, new ones behind.

    Items that are gone stay, but are not available; their attributes get the types that the columns have today.

    Raises:
        DataError: more kinds of events than there are numbers for.
    """
    catalogue, log = parent.catalogue, with_event_names_of(parent.log, dataset.log)
    ids = dataset.catalogue.frame["item_id"]
    vocabulary = catalogue.vocabulary.extended(ids)
    numbers = vocabulary.numbers(ids)
    gone = np.setdiff1d(np.arange(len(catalogue)), numbers)
    today = dataset.catalogue.frame.schema
    withdrawn = catalogue.frame[gone].with_columns(available=pl.lit(False))
    withdrawn = withdrawn.with_columns(
        in_current_type(withdrawn[name], today[name]) for name in withdrawn.columns if name in today
    )
    rows = pl.concat([dataset.catalogue.frame, withdrawn], how="diagonal_relaxed")
    frame = rows[np.argsort(np.concatenate([numbers, gone]))]
    numbered = replace(log, n_items=len(vocabulary), items=numbers[log.items])
    return replace(dataset, catalogue=ItemCatalogue(frame), log=numbered)


def _with_fewer_passes(config: Config) -> Config:
    """The configuration of a warm start: fewer passes, because much is learned already."""
    epochs, iterations = (max(1, passes // _FEWER_PASSES) for passes in (config.text.epochs, config.cf.iterations))
    return config.changed(text={"epochs": epochs}, cf={"iterations": iterations})


def _sources_for(parent: Bundle, catalogue: ItemCatalogue) -> Sources:
    """The parent's sources for a catalogue that begins with the parent's items, as a server has them."""
    before, texts = parent.catalogue.texts, catalogue.texts
    other = [number for number in range(len(texts)) if number >= len(before) or texts[number] != before[number]]
    numbers = np.array(other, dtype=np.int32)
    return parent.sources.updated(len(before), len(texts), numbers, [texts[number] for number in other])
