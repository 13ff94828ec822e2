"""The recommender: requests in, ranked lists out, for API, batch and the evaluation of given requests."""

import copy
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.state import EventState
from recsys.data.events.event import Event
from recsys.data.events.event_batch import log_of_events
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import NO_TIME
from recsys.data.requests.request import Request
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.errors import ConfigError, DataError, check_kind
from recsys.moments import DAY, SECOND, clock, iso_time
from recsys.pipeline.candidates.request_block import RequestBlock, RequestContexts, block_size
from recsys.pipeline.candidates.sources import TEXT
from recsys.pipeline.candidates.stages import Stages
from recsys.pipeline.ranking.ordering import RANKER, RankedBlock, rank_block
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.blocks import block_of
from recsys.pipeline.recommender.bundle import Bundle
from recsys.pipeline.recommender.fallback import popular_list
from recsys.pipeline.recommender.item_list import ItemList
from recsys.pipeline.recommender.known_users import KnownUsers
from recsys.pipeline.recommender.lists import BlockLists
from recsys.pipeline.recommender.live_events import LiveEvents
from recsys.pipeline.recommender.similar import SimilarityKind, similarities
from recsys.registry import Registry

_AHEAD = 366 * DAY
"""How far ahead of the clock a time may lie that is taken for one in another unit."""

_WANTED = "a list is made for a Request, such as Request(user_id='u1', n=10)"


class Recommender:
    """A trained version and the events since. Lists may be asked for while other threads add events.

    Attributes:
        bundle: what was learned.
        scoring: the sources over the catalogue and all events, those since training included.
        users: those of all events, by their ids.
    """

    def __init__(self, bundle: Bundle, state: EventState | None = None) -> None:
        """Start with what the bundle knows.

        Args:
            bundle: what was learned.
            state: over the bundle's events, where that is made already.

        Raises:
            ConfigError: it was trained on pseudonyms, and the environment has no key for them.
        """
        check_kind(bundle, Bundle, "Recommender takes a Bundle; Recommender.load('reg/') reads one of a registry")
        self.bundle = bundle
        self.scoring = Scoring(bundle.catalogue, bundle.sources, state or EventState(bundle.log))
        self.users = KnownUsers(bundle.log.user_vocabulary, Pseudonyms.of_config(bundle.config.privacy))
        self._event_names = bundle.log.event_names
        self._observing = threading.Lock()
        self._is_by_the_clock = False
        bundle.rankers.compile()  # now, and not in the first request

    @classmethod
    def load(cls, registry: str | Path | Registry, version: str | None = None) -> "Recommender":
        """Load a version of a registry, by default the current one.

        Raises:
            BundleError: there is none, or it is damaged or too new.
        """
        return cls(Bundle.load(registry, version))

    @property
    def version(self) -> str:
        """Name of the version; empty for a bundle that was not published."""
        return self.bundle.version

    @property
    def catalogue(self) -> ItemCatalogue:
        """The items, those since training included."""
        return self.scoring.catalogue

    @property
    def event_names(self) -> tuple[str, ...]:
        """Kinds of events that are known, those that came since training included."""
        return self._event_names

    def with_scoring(self, scoring: Scoring) -> "Recommender":
        """This recommender with `scoring.updated(...)` of its own scoring: what serves from now on.

        Lists under way go on with the old one. No events may be observed meanwhile, nor by the old one afterwards.
        """
        successor = copy.copy(self)
        successor.scoring = scoring
        return successor

    def by_the_clock(self) -> "Recommender":
        """This recommender for people who wait for their lists: if a request has no time, its list is for the time of
        the day and the week at which it is made. Without this, as in a nightly batch, it is for any time."""
        successor = copy.copy(self)
        successor._is_by_the_clock = True
        return successor

    def forget(self, digests: Collection[str]) -> None:
        """Forget users, and what the user table said of them; what they did still counts for items, but is nobody's
        history.

        Args:
            digests: `user_digest` of their ids.
        """
        index = self.bundle.digests
        with self._observing:
            self.users = self.users.without(digests, index)

    def recommend(self, request: Request, *, explain: bool = False, stages: Stages | None = None) -> ItemList:
        """Rank one list; `stages` may leave some out where time is short.

        Raises:
            DataError: a filter, policy key or query of the request is invalid.
        """
        check_kind(request, Request, _WANTED)
        return self._recommend([request], explain, stages or Stages())[0]

    def recommend_many(self, requests: Iterable[Request], *, explain: bool = False) -> list[ItemList]:
        """Rank many lists; the same lists as one by one, faster. Raises as `recommend`."""
        check_kind(requests, Iterable, f"recommend_many takes a list: {_WANTED}")
        requests = list(requests)
        for request in requests:
            check_kind(request, Request, _WANTED)
        size, usual = block_size(len(self.catalogue)), self.bundle.config.candidates.n
        lists: list[ItemList] = []
        # A list longer than the usual candidates has more of them: those beside it must not.
        for _, group in groupby(requests, key=lambda request: max(request.n, usual)):
            alike = list(group)
            for start in range(0, len(alike), size):
                lists.extend(self._recommend(alike[start : start + size], explain, Stages()))
        return lists

    def _recommend(self, requests: Sequence[Request], explain: bool, stages: Stages) -> list[ItemList]:
        block = replace(stages.run("history", lambda: self.block(requests)), stages=stages)
        ranked = self.rank(block, [request.n for request in requests])
        of_block = BlockLists(requests, block, ranked, self.scoring, self.bundle)
        lists = of_block.lists()
        if RANKER not in stages.left_out:
            users = [-1 if request.user_id is None else self.users.number(request.user_id) for request in requests]
            lists = of_block.explainable(lists, users, self._event_names)
            if explain:
                lists = of_block.explained(lists)
        queries = [None] * len(lists) if block.queries is None or self.reads_texts else block.queries
        left_out = tuple(stages.left_out)
        return [
            replace(made, seconds=stages.seconds, degraded=(*left_out, TEXT) if query else left_out)
            for made, query in zip(lists, queries, strict=True)
        ]

    def popular(self, request: Request) -> ItemList:
        """The most wanted items under the request's rules, in some milliseconds: when no other list can be had.

        Raises:
            DataError, ConfigError: a filter, policy key or query of the request is invalid.
        """
        return popular_list(request, self.block([request]), self.scoring, self.bundle)

    @property
    def reads_texts(self) -> bool:
        """Whether it can search for a query; it cannot where it was trained without text."""
        return self.scoring.sources.interest is not None

    def prepare_to_read(self) -> None:
        """Load the text encoder now, so that the first query and the first new item need not wait for it."""
        if self.scoring.sources.interest is not None:
            self.scoring.sources.interest.encode_items(["a text"])

    def rank(self, block: RequestBlock, lengths: Sequence[int]) -> RankedBlock:
        """Rank requests in numbers, for lists of these lengths."""
        bundle = self.bundle
        n_candidates = bundle.config.candidates.n
        return rank_block(self.scoring, bundle.features, bundle.rankers, block, n_candidates, lengths)

    def similar(self, item_id: str, n: int = 10, by: SimilarityKind = "both") -> ItemList:
        """The items most like one item that may be listed now; as many as are related, at most `n`.

        Raises:
            DataError: the catalogue has no such item.
            ConfigError: the version has no such similarity, or `n` is no whole number from 1.
        """
        check_kind(item_id, str, f"the id of an item is text, such as {str(item_id)!r}")
        check_kind(n, Integral, "n is a whole number from 1")
        if n < 1:
            raise ConfigError(f"n is a whole number from 1, not {n}")
        item = self.catalogue.vocabulary.number(item_id)
        if item < 0:
            raise DataError(f"the catalogue has no item {item_id!r}")
        now = max(self.now(), clock())
        not_there = (self.scoring.facts.created > now) | (self.catalogue.gone < now)  # NaN, where nobody knows, is not
        scores = np.where(not_there, -np.inf, similarities(self.scoring, item, by))
        best = np.argsort(-scores, kind="stable")[:n]
        best = best[scores[best] > -np.inf]
        nothing = np.full(len(best), np.nan, dtype=np.float32)
        ids = tuple(self.catalogue.vocabulary.ids(best))
        return ItemList(ids, scores[best], nothing, nothing, ((by,),) * len(best), self.version)

    def observe(self, events: Sequence[Event]) -> int:
        """Take in events that happened since training; the next list takes them into account.

        Returns:
            How many change nothing: their item is not in the catalogue, or a file's row with such cells would be
            rejected.

        Raises:
            ConfigError: something else than events, or a field of another kind.
            DataError: a timestamp is not in microseconds; nothing was taken in.
        """
        check_kind(events, Sequence, "observe takes a list of Events")
        for event in events:
            check_kind(event, Event, "observe takes a list of Events")
            event.check_kinds()
            self._check_time(event.timestamp, f"event {event.event_id!r}: timestamp")
        return self.observe_stored(events)

    def observe_stored(self, events: Sequence[Event]) -> int:
        """The same for events of a store, which were checked when they came there."""
        if not events:
            return 0
        with self._observing:
            items, config = self.catalogue.vocabulary, self.bundle.config
            log, n_unknown = log_of_events(events, items, self.users.vocabulary, self._event_names, config.events)
            # Names first: a concurrent reader must never meet an event that it cannot name.
            self._event_names = log.event_names
            self.users = replace(self.users, vocabulary=log.user_vocabulary)
            self.scoring.state.append(log)
        return n_unknown

    def events(self) -> LiveEvents:
        """All that is known. No events may be observed meanwhile."""
        return LiveEvents(
            segments=self.scoring.state.segments,
            users=self.users.vocabulary,
            event_names=self._event_names,
            n_items=len(self.catalogue),
            forgotten=self.users.forgotten,
        )

    def with_events(self, events: LiveEvents) -> "Recommender":
        """This recommender with other events, of items that it numbers in the same way."""
        successor, log = copy.copy(self), self.bundle.log
        successor.scoring = self.scoring.with_state(EventState(*events.segments))
        successor.users = replace(self.users, vocabulary=events.users, forgotten=events.forgotten)
        successor._event_names = events.event_names
        if events.segments and len(events.segments[0]) == len(log):  # the version's own, mapped
            columns = replace(events.segments[0].log, user_vocabulary=log.user_vocabulary, event_names=log.event_names)
            successor.bundle = replace(self.bundle, log=columns)
        return successor

    def are_cold(self, requests: Sequence[Request]) -> NDArray[np.bool_]:
        """(n_requests,) True where nothing is known of what the request's user did before it."""
        stored = self.scoring.histories(*self._stored(requests), 1).lengths > 0
        items = self.catalogue.vocabulary
        given = [any(item in items for item in request.history or ()) for request in requests]
        return np.array([not (known or own) for known, own in zip(stored, given, strict=True)], dtype=bool)

    def now(self) -> int:
        """Microseconds: after everything known, and not before the clock once events are live, since idle hours count
        then."""
        latest = self.scoring.state.latest
        live = latest > self.bundle.learned_until
        return max(latest + 1, clock()) if live else latest + 1

    def block(self, requests: Sequence[Request]) -> RequestBlock:
        """Requests as numbers, with their histories and rules.

        Raises:
            DataError, ConfigError: a filter, policy key or query of a request is invalid, or its time is not one of
                microseconds.
        """
        for request in requests:
            if request.time is not None:
                self._check_time(request.time, f"request {request.request_id!r}: time")
        return block_of(requests, self._contexts(requests), self.scoring, self.bundle)

    def _check_time(self, time: int, what: str) -> None:
        """Refuse a time in seconds or milliseconds. Taken for microseconds it lies in January 1970, before everything
        that is known, where a list would be one for nobody. A row number in place of a time is no such case."""
        times = self.bundle.log.times
        if not len(times) or time >= times[0]:
            return
        first, last = int(times[0]), max(clock(), int(times[-1])) + _AHEAD
        for unit, microseconds in (("seconds", SECOND), ("milliseconds", SECOND // 1_000)):
            if first <= time * microseconds <= last:
                raise DataError(
                    f"{what} {time} is {iso_time(time)} in microseconds, before the first known event; if it counts "
                    f"{unit}, multiply it by {microseconds}"
                )

    def _contexts(self, requests: Sequence[Request]) -> RequestContexts:
        users, now = self._stored(requests)
        ids = [self.users.remembered_id(request.user_id) for request in requests]
        timeless = np.array([request.time is None for request in requests], dtype=bool)
        # A request without a time is for now: a new item may be listed before the next event comes.
        listed_at = np.where(timeless, np.maximum(now, clock()), now)
        moments = listed_at if self._is_by_the_clock else np.where(timeless, NO_TIME, now)
        return RequestContexts(users, ids, now, listed_at, moments)

    def _stored(self, requests: Sequence[Request]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(n_requests,) numbers of users whose stored history counts, else -1, and moments in microseconds."""
        users = [-1 if r.user_id is None or r.history is not None else self.users.number(r.user_id) for r in requests]
        now = [self.now() if r.time is None else r.time for r in requests]
        return np.array(users, dtype=np.int32), np.array(now, dtype=np.int64)
