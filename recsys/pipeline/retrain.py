"""Retraining: learn from what happened since the served version, and serve the result if it is not worse."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np

from recsys.data.dataset import Dataset
from recsys.data.events import Event
from recsys.data.forget import Forgotten, without_users
from recsys.data.item_changes import change_items
from recsys.data.loading import append_events
from recsys.data.pseudonyms import Pseudonyms
from recsys.errors import DataError
from recsys.eval.confidence import Comparison
from recsys.pipeline.bundle import Bundle
from recsys.pipeline.evaluate import on_moments
from recsys.pipeline.moments import Moments
from recsys.pipeline.stage_one import Progress
from recsys.pipeline.train import train
from recsys.registry import Registry, StoreMark
from recsys.store import Store, read_log
from recsys.text.cache import VectorCache

_METRIC = "ndcg@10"
_PAGE = 10_000

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Decision:
    """What became of a retraining.

    Attributes:
        action: `promoted`; `refused`, the new version is worse; `skipped`, there was too little to learn from.
        reason: one sentence.
        champion: the version that was served.
        challenger: the new version; None when none was published.
        new_events: events since the champion.
        comparison: ndcg@10 of the challenger's own test models minus the champion's, on requests new to both.
    """

    action: Literal["promoted", "refused", "skipped"]
    reason: str
    champion: str
    challenger: str | None
    new_events: int
    comparison: Comparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def retrain_from_store(
    registry: Registry, store: Store, *, dry_run: bool = False, seed: int = 0, progress: Progress
) -> Decision:
    """Retrain on the served version's log and what the store holds beyond it: items, events, users to be forgotten.

    Raises:
        BundleError: there is no served version, or it is damaged.
        StoreError: the store cannot be read.
        DataError: the log cannot be trained on.
    """
    champion = Bundle.load(registry)
    mark = champion.store
    start = mark.offset if mark is not None and mark.identity == store.identity else 0
    catalogue, _ = change_items(champion.catalogue, [change for _, change in _pages(store.read_items, 0)])
    events, digests, offset = _read(store, start)
    pseudonyms = Pseudonyms.of_config(champion.config.privacy)
    if pseudonyms is not None:  # a server without them may have written to the store
        events = [replace(event, user_id=pseudonyms.of(event.user_id)) for event in events]
    log = without_users(replace(champion.log, n_items=len(catalogue)), digests)
    progress(
        f"since version {champion.version}: {len(events):,} stored events, "
        f"{len(catalogue) - len(champion.catalogue):,} new items, {len(digests):,} forgotten users"
    )
    dataset = append_events(Dataset(catalogue, log), events, champion.config)
    read = StoreMark(identity=store.identity, offset=offset)
    return _retrain(registry, champion, dataset, len(dataset.log) - len(log), read, dry_run, seed, progress)


def retrain_from_data(
    registry: Registry, dataset: Dataset, *, dry_run: bool = False, seed: int = 0, progress: Progress
) -> Decision:
    """Retrain on a data set that goes on beyond what the served version has learned from.

    Raises:
        BundleError, DataError: as above.
    """
    champion = Bundle.load(registry)
    new = len(dataset.log.after(champion.data_record.end))
    return _retrain(registry, champion, dataset, new, champion.store, dry_run, seed, progress)


def _retrain(
    registry: Registry,
    champion: Bundle,
    dataset: Dataset,
    new_events: int,
    read: StoreMark | None,
    dry_run: bool,
    seed: int,
    progress: Progress,
) -> Decision:
    config = champion.config
    if new_events < config.retrain.min_events:
        reason = f"{new_events:,} new events; retrain.min_events asks for {config.retrain.min_events:,}"
        return Decision("skipped", reason, champion.version, None, new_events)
    test_start = _newest_half(champion, dataset)
    cache = VectorCache(registry.vectors_file)
    trained = train(dataset, config, seed=seed, test_start=test_start, cache=cache, progress=progress)
    challenger = replace(trained, store=read)
    comparison = _compare(champion, challenger, dataset, seed, progress)
    served = (challenger.report.metrics[_METRIC]["mean"] or 0.0) - comparison.difference
    worse = comparison.verdict == "worse" and comparison.difference < -config.retrain.tolerance * served
    difference = f"{_METRIC} {comparison.difference:+.4f} ({comparison.low:+.4f} to {comparison.high:+.4f})"
    reason = f"{difference} against {champion.version} on {comparison.n_requests:,} requests new to both"
    version = None
    if not dry_run:
        version = registry.publish(challenger, parent=champion.version, promote=not worse, why=reason)
        registry.prune(config.retrain.keep)
    return Decision("refused" if worse else "promoted", reason, champion.version, version, new_events, comparison)


def _newest_half(champion: Bundle, dataset: Dataset) -> int:
    """The moment from which on the newer half of the new signs of interest happened, microseconds."""
    newer = dataset.log.after(champion.data_record.end).positive().times
    if not len(newer):
        raise DataError("none of the new events is a sign of interest that is newer than the served version's data")
    return int(np.quantile(newer, 0.5, method="higher"))


def _compare(champion: Bundle, challenger: Bundle, dataset: Dataset, seed: int, progress: Progress) -> Comparison:
    """Both on the requests of the newest window, which neither has learned from."""
    progress(f"measuring version {champion.version} on the same requests")
    window = challenger.report.windows[-1]
    moments = Moments.of(dataset.log, window.start, window.end).sample(champion.config.data.max_requests, seed)
    served = on_moments(champion, dataset, moments, name="", seed=seed, progress=progress)
    assert challenger.report.full is not None, "a freshly trained bundle"
    assert served.full is not None, "a fresh measurement"
    return challenger.report.full.against(served.full, _METRIC, seed=seed)


def _read(store: Store, after: int) -> tuple[list[Event], set[str], int]:
    """All events beyond an offset, who was forgotten since, and the offset of the last entry."""
    events: list[Event] = []
    digests: set[str] = set()
    for offset, entry in _pages(partial(read_log, store), after):
        if isinstance(entry, Forgotten):
            digests.add(entry.user_digest)
        else:
            events.append(entry)
        after = offset
    return events, digests, after


def _pages(read: Callable[[int, int], list[tuple[int, Entry]]], after: int) -> Iterator[tuple[int, Entry]]:
    while page := read(after, _PAGE):
        yield from page
        after = page[-1][0]
