"""The past requests of a window: who wanted what, when, and what was shown."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.arrays.ragged import indices_within, offsets_of
from recsys.data.log.history import HistoryBatch
from recsys.data.log.interactions import InteractionLog
from recsys.data.log.taken_back import without_taken_back
from recsys.pipeline.past.log_requests import requests_of_log
from recsys.pipeline.past.request_parts import GivenHistories, ItemsOfRequests, Unanswered

OF_ONE_USER = 10
"""Most requests of one user, as a multiple of the median user's: a robot clicks as much as hundreds of people. In a
usual log, where people differ too, this leaves out a few requests in a hundred."""

MOST_UNANSWERED = 1_000
"""Most unanswered requests for each answered one: if hardly any answer names its list, there would be more than fit
into memory."""

_A_MOMENT = 60_000_000
"""Microseconds from what is in a cart to the request."""


@dataclass(frozen=True)
class PastRequests:
    """Requests in time order. Events with one request_id are one request; without it, one user at one time is.
    Later acts of a visit to an item belong to the request that the visit began with, see `log_requests`.

    Attributes:
        users: (n_requests,) numbers of those whose stored history counts, -1 for nobody.
        profile_users: (n_requests,) numbers of those whose row of the user table counts, even where their history does
            not; -1 for nobody.
        times: (n_requests,) microseconds: the first event of the request, which nothing known may reach.
        targets: items with a positive event, and float32 weights above 0, of the strongest event that followed.
        shown: items of the request's impressions, none where these are not logged, and their places, int16 from 0, or
            -1 where unknown.
        has_list: (n_requests,) True where the id of the list is known from which something was chosen.
        n_left_out: requests that are not here, since their users have far more than others, see `capped_per_user`.
        unanswered: further requests: lists whose id is known and from which nothing was chosen.
        given: items that come with the requests; None: they come without any.
    """

    users: NDArray[np.int32]
    profile_users: NDArray[np.int32]
    times: NDArray[np.int64]
    targets: ItemsOfRequests
    shown: ItemsOfRequests
    has_list: NDArray[np.bool_]
    n_left_out: int = 0
    unanswered: Unanswered = field(default_factory=Unanswered.none)
    given: GivenHistories | None = None

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def unlabelled(cls, users: NDArray[np.int32], times: NDArray[np.int64]) -> "PastRequests":
        """Requests of which only the users (n_requests,) and the times (n_requests,), in order, are known."""
        offsets, none = np.zeros(len(users) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        targets, shown = (ItemsOfRequests(offsets, none, none.astype(kind)) for kind in (np.float32, np.int16))
        return cls(users, users, times, targets, shown, np.zeros(len(users), dtype=bool))

    @property
    def has_impressions(self) -> bool:
        """Whether it is known of any request what was shown."""
        return len(self.shown.items) > 0

    def block(self, start: int, stop: int) -> "PastRequests":
        """Requests start to stop - 1."""
        return self.take(np.arange(start, min(stop, len(self))))

    def take(self, chosen: NDArray[np.intp]) -> "PastRequests":
        """The chosen requests, in the order given, and all unanswered ones."""
        return replace(
            self,
            users=self.users[chosen],
            profile_users=self.profile_users[chosen],
            times=self.times[chosen],
            targets=self.targets.take(chosen),
            shown=self.shown.take(chosen),
            has_list=self.has_list[chosen],
            given=None if self.given is None else self.given.take(chosen),
        )

    def with_given_histories(self, histories: HistoryBatch, weight: float, seed: int) -> "PastRequests":
        """The requests of users who had chosen something before, with these items as given histories in place of the
        stored ones: without times and kinds of events.

        Args:
            histories: of the requests.
            weight: of an event of the given histories.
            seed: see `take_with_unanswered`.
        """
        chosen = histories.positive()
        given = GivenHistories(chosen.offsets, chosen.items, weight)
        return replace(self, given=given).anonymous().take_with_unanswered(np.flatnonzero(chosen.lengths > 0), seed)

    def with_partial_baskets(self, weight: float, seed: int) -> "PastRequests":
        """The requests in which several items were chosen, as if some of these were in the cart already. At least one
        item and not all of them, drawn by chance, was chosen a moment ago; the others are wanted.

        Args:
            weight: of an event of the given histories.
            seed: of the draws.
        """
        several = self.take_with_unanswered(np.flatnonzero(self.targets.counts > 1), seed)
        rng, targets = np.random.default_rng(seed), several.targets
        rows, n_chosen = targets.rows, targets.counts
        order = np.lexsort((rng.random(len(rows)), rows))
        n_given = rng.integers(1, n_chosen)
        is_given = np.zeros(len(order), dtype=bool)
        is_given[order] = indices_within(rows) < np.repeat(n_given, n_chosen)
        given = GivenHistories(offsets_of(n_given), targets.items[is_given], weight, _A_MOMENT)
        return replace(several, targets=targets.keep(~is_given), given=given)

    def asked_ahead(self, log: InteractionLog, start: int, most: int, seed: int) -> "PastRequests":
        """At most `most` requests as if asked before their users came, as when a batch makes lists.

        The moments are drawn evenly from all the time between each request and the act of its user before, so that long
        pauses are met more often than short ones.

        Args:
            log: of these requests and what came before.
            start: microseconds: no moment is earlier.
            most: number of requests.
            seed: of the draws.
        """
        requests = pl.DataFrame({"user": self.users, "time": self.times})
        acts = pl.DataFrame({"user": log.users, "acted": log.times}).filter(~log.is_impression)
        before = requests.join_asof(  # both are in the order of time, so the join need not check that
            acts, left_on="time", right_on="acted", by="user", check_sortedness=False, allow_exact_matches=False
        )
        pauses = self.times - np.maximum(before["acted"].fill_null(start).to_numpy(), start)
        rng, n = np.random.default_rng(seed), min(most, int(np.count_nonzero(pauses)))
        chosen = rng.choice(len(self), n, replace=False, p=pauses / max(pauses.sum(), 1)) if n else np.zeros(0, np.intp)
        times = self.times[chosen] - (rng.random(n) * pauses[chosen]).astype(np.int64)
        order = np.argsort(times, kind="stable")
        return replace(self.take_with_unanswered(chosen[order], seed), times=times[order])

    def without_lists(self) -> "PastRequests":
        """The same requests, as if it were not known what was shown."""
        nothing = np.zeros(len(self.shown.items), dtype=bool)
        return replace(self, shown=self.shown.keep(nothing), has_list=np.zeros(len(self), dtype=bool))

    def with_lists_alone(self) -> "PastRequests":
        """The requests of which it is known what was shown."""
        return self.take(np.flatnonzero(self.shown.counts > 0))

    def anonymous(self) -> "PastRequests":
        """The same requests, as if their users had no stored history; what the user table says of them stays. Given
        histories become bare items."""
        given = None if self.given is None else self.given._replace(ago=None)
        return replace(self, users=np.full_like(self.users, -1), given=given)

    @property
    def times_unanswered(self) -> NDArray[np.int64]:
        """(n,) microseconds: the unanswered requests that are taken to belong to these, if requests without a list are
        answered as often as those with one.

        When somebody finds an item without a list, the log says only what was chosen. If no list is answered at all, it
        is not known which events are answers, and there are no unanswered requests.
        """
        known, n_lists = self.unanswered.times, np.count_nonzero(self.has_list)
        n = min(round(len(known) * len(self) / n_lists), MOST_UNANSWERED * len(self)) if n_lists else 0
        return known[np.arange(n) * len(known) // max(n, 1)]

    @property
    def share_answered(self) -> float:
        """Share of all requests, see `times_unanswered`, that somebody chose something in; 1 without impressions."""
        return len(self) / max(len(self) + len(self.times_unanswered), 1)

    def sample(self, most: int, seed: int) -> "PastRequests":
        """At most `most` requests, drawn evenly, in time order."""
        if len(self) <= most:
            return self
        return self.take_with_unanswered(
            np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)), seed
        )

    def take_with_unanswered(self, chosen: NDArray[np.intp], seed: int) -> "PastRequests":
        """The chosen requests, see `take`, with only the same share of the unanswered ones, drawn evenly."""
        n_unanswered = len(self.unanswered.times)
        same_share = round(n_unanswered * len(chosen) / max(len(self), 1))
        unanswered = np.sort(np.random.default_rng(seed).choice(n_unanswered, same_share, replace=False))
        return replace(self.take(chosen), unanswered=self.unanswered.take(unanswered))

    def drawn(self, most: int, seed: int) -> "PastRequests":
        """The requests to learn from or to measure on: at most `most`, and of no user far more than of others."""
        return self.capped_per_user(seed).sample(most, seed)

    def capped_per_user(self, seed: int) -> "PastRequests":
        """At most `OF_ONE_USER` times as many requests of each user as the median user has, drawn evenly, so that a few
        users do not dominate (Covington et al., RecSys 2016, take equally many of each user).

        The unanswered requests are drawn in the same way: a crawler has more of them than anybody.
        """
        chosen, unanswered = _capped_per_user(self.users, seed), _capped_per_user(self.unanswered.users, seed)
        if len(chosen) == len(self) and len(unanswered) == len(self.unanswered.users):
            return self
        n_left_out = self.n_left_out + len(self) - len(chosen)
        return replace(self.take(chosen), n_left_out=n_left_out, unanswered=self.unanswered.take(unanswered))

    @classmethod
    def of(cls, log: InteractionLog, start: int, end: int, takes_back: Collection[str] = ()) -> "PastRequests":
        """All requests of the window [start, end) that were followed by a positive event in it, and the users and
        times of the unanswered ones.

        Args:
            takes_back: names of events, see `without_taken_back`: what was taken back was not wanted, whenever that
                became known.
        """
        found = requests_of_log(without_taken_back(log, takes_back), start, end)
        is_answered = pl.col("targets").list.len() > 0
        requests, unanswered = found.filter(is_answered), found.filter(~is_answered, "has_list")
        users = requests["user"].to_numpy()
        return cls(
            users,
            users,
            requests["time"].to_numpy(),
            ItemsOfRequests.of(requests["targets"], requests["weights"]),
            ItemsOfRequests.of(requests["shown"], requests["positions"]),
            requests["has_list"].to_numpy(),
            unanswered=Unanswered(unanswered["user"].to_numpy(), unanswered["time"].to_numpy()),
        )


def _capped_per_user(users: NDArray[np.int32], seed: int) -> NDArray[np.intp]:
    """(n,) the requests that stay, increasing, if no user (-1: nobody) may have more than `OF_ONE_USER` times as many
    as the median one."""
    counts = np.bincount(users[users >= 0])
    most = int(OF_ONE_USER * np.median(counts[counts > 0])) if counts.any() else 0
    if counts.max(initial=0) <= most:
        return np.arange(len(users))
    drawn = np.random.default_rng(seed).permutation(len(users))
    drawn = drawn[np.argsort(users[drawn], kind="stable")]
    in_order = users[drawn]
    return np.sort(drawn[(indices_within(in_order) < most) | (in_order < 0)])
