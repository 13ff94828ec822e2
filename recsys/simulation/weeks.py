"""Weeks in a simulated shop: serve, log, retrain, promote; compared with a version never trained again, and popularity.

All events go into one store, from which the retrained version learns; the frozen version knows the same events, but
has learned from none since the first training.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.config import Config
from recsys.data.dataset import Dataset
from recsys.data.events.event import Event
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.loading import append_events
from recsys.data.log.interactions import InteractionLog
from recsys.errors import ConfigError, DataError
from recsys.pipeline.retraining.retrain import retrain
from recsys.pipeline.training.train import train
from recsys.progress import Progress, silent
from recsys.registry import Registry
from recsys.simulation.arms import ARMS, Arm, Week, arm_of, user_id_of
from recsys.simulation.server import ServerConnection, running_server
from recsys.simulation.world import World
from recsys.store import open_store, sqlite_url
from recsys.text.cache import VectorCache

LIST_LENGTH = 10

WARM_UP_WEEKS = 3
"""Weeks of random lists before the first training."""

_FADING = 0.9998
"""Factor of all popularity after each list: a click of a few thousand lists ago counts little."""

_REGISTRY, _FROZEN, _STORE = "registry", "frozen", "store.db"
"""Names of what a simulation creates in its folder."""


def check_unused(folder: Path) -> None:
    """Check that a folder holds no earlier simulation: one begins without versions and with an empty store.

    Raises:
        ConfigError: it holds something with one of the names that a simulation uses.
    """
    for name in (_REGISTRY, _FROZEN, _STORE):
        if (folder / name).exists():
            raise ConfigError(f"{folder} holds {name} of an earlier simulation; remove the folder, or name another")


@dataclass(frozen=True)
class Plan:
    """How long a simulation is, and what happens in it.

    Attributes:
        weeks: after the warm-up, in which lists are random.
        users: at the start; each week adds a twentieth.
        visits: lists that a user asks for in a week.
        shift_week: the week (from 1) at whose start tastes shift; 0: never.
        shift_share: share of the items that it changes.
        new_items: share of the catalogue that comes during the weeks.
    """

    weeks: int = 8
    users: int = 300
    visits: int = 3
    shift_week: int = 5
    shift_share: float = 0.5
    new_items: float = 0.15


@dataclass
class Simulation:
    """A shop over a catalogue.

    Attributes:
        catalogue: all items, also those that come in later weeks.
        config: of the trainings.
        plan: what happens.
        folder: its own: both registries, the store, the servers' logs.
        seed: every random draw follows from it.
        progress: called with a line of text now and then.
        weeks: those that are over.
        world: the users, their tastes and how they react to lists.
    """

    catalogue: ItemCatalogue
    config: Config
    plan: Plan
    folder: Path
    seed: int = 0
    progress: Progress = silent
    weeks: list[Week] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self.world = World.of(self.catalogue.texts, self.plan.users, self.seed)
        order = self._random.permutation(len(self.catalogue))
        n_later = int(self.plan.new_items * len(order)) if self.plan.weeks > 1 else 0
        self._later = np.array_split(order[:n_later], max(1, self.plan.weeks - 1))  # what comes at the end of each week
        self._here = np.sort(order[n_later:]).astype(np.int32)  # what is in the shop by now
        self._check_size()
        self._ids: list[str] = self.catalogue.frame["item_id"].to_list()
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}
        self._popularity = np.zeros(len(order))  # clicks of each item, old ones fading
        # The last week ends about now, because the API takes no events from the future.
        self._now = datetime.now(UTC) - timedelta(weeks=self.plan.weeks + WARM_UP_WEEKS, hours=1)
        self._lists = 0  # shown so far

    def _check_size(self) -> None:
        """Check that there are items enough for a list, and users enough for a comparison.

        Raises:
            DataError: too few items.
            ConfigError: too few users.
        """
        if len(self._here) < LIST_LENGTH:
            raise DataError(
                f"the catalogue is too small for lists of {LIST_LENGTH}: {len(self._here)} of its "
                f"{len(self.catalogue)} items are there in the first week; take {2 * LIST_LENGTH} or more"
            )
        arms = Counter(map(arm_of, range(self.plan.users)))
        if min(arms[arm] for arm in ARMS) < 2:
            raise ConfigError(f"{self.plan.users} users are too few to compare three arms; take 30 or more")

    def run(self) -> list[Week]:
        """All weeks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        registry, frozen = Registry(self.folder / _REGISTRY), self.folder / _FROZEN
        self.first_version(registry)
        shutil.copytree(registry.path, frozen)
        url = sqlite_url(self.folder / _STORE)
        with (
            closing(open_store(url)) as store,
            running_server(registry.path, url, self.folder / "retrained.log") as live,
            running_server(frozen, url, self.folder / "frozen.log") as still,
        ):
            for number in range(1, self.plan.weeks + 1):
                if number == self.plan.shift_week:
                    self.world.shift_tastes(self.plan.shift_share)
                    self.progress(f"week {number}: tastes shift")
                clicks = self._week({"retrained": live, "frozen": still})
                decision = None
                if number < self.plan.weeks:
                    decision = retrain(registry, store, seed=self.seed, progress=silent)
                    live.wait_for_version(registry.current())
                    self._arrivals(live, number)
                week = Week(number, clicks, decision)
                self.weeks.append(week)
                rates = ", ".join(f"{arm} {week.rate(arm):.3f}" for arm in ARMS)
                self.progress(f"week {number}: clicks a list: {rates}; {decision.action if decision else 'the end'}")
        return self.weeks

    def first_version(self, registry: Registry) -> None:
        """Publish a version trained on the events of random lists."""
        self.progress(f"{WARM_UP_WEEKS} weeks of random lists")
        events: list[Event] = []
        for _ in range(WARM_UP_WEEKS):
            for user, moment in self._visits():
                items = self._random.choice(self._here, LIST_LENGTH, replace=False)
                events.extend(self.show(user, items, moment)[0])
        frame = self.catalogue.frame[self._here]
        catalogue = ItemCatalogue(frame)
        dataset = append_events(Dataset(catalogue, InteractionLog.empty(len(catalogue))), events, self.config)
        cache = VectorCache(registry.vectors_file)
        registry.publish(train(dataset, self.config, seed=self.seed, cache=cache, progress=self.progress), why="first")

    def _visits(self) -> list[tuple[int, datetime]]:
        """Who comes when in a week, in time order; the week is over afterwards."""
        users = np.repeat(np.arange(len(self.world.users)), self.plan.visits)
        moments = np.sort(self._random.uniform(0, 7 * 86_400, len(users)))
        found = [
            (int(user), self._now + timedelta(seconds=float(moment)))
            for user, moment in zip(self._random.permutation(users), moments, strict=True)
        ]
        self._now += timedelta(weeks=1)
        return found

    def _week(self, servers: dict[Arm, ServerConnection]) -> dict[Arm, dict[int, list[int]]]:
        """Let everybody visit for a week, each served by their own arm; gives the clicks, see `Week`."""
        clicks: dict[Arm, dict[int, list[int]]] = {arm: {} for arm in ARMS}
        popular = self._popular()
        for user, moment in self._visits():
            arm = arm_of(user)
            propensities: list[float | None] = [None] * LIST_LENGTH
            if arm == "popularity":
                items = popular[~self.world.known[user, popular]][:LIST_LENGTH]
            else:
                body = {"user_id": user_id_of(user), "n": LIST_LENGTH, "timestamp": moment.isoformat()}
                listed = servers[arm].call("POST", "/v1/recommend", body)["items"]
                items = np.array([self._numbers[item["item_id"]] for item in listed], dtype=np.int32)
                propensities = [item.get("propensity") for item in listed]
            events, n_clicks = self.show(user, items, moment, propensities)
            servers["retrained"].send_events(events)
            clicks[arm].setdefault(user, []).append(n_clicks)
        self.world.drift()
        return clicks

    def show(
        self, user: int, items: NDArray[np.int32], moment: datetime, propensities: Sequence[float | None] = ()
    ) -> tuple[list[Event], int]:
        """Show a list to a user. Gives the events (impressions and what follows them), and how many items are clicked.

        Args:
            items: item numbers, in the order of the list.
            propensities: of the first positions; none for the others.
        """
        clicked, bought = self.world.reactions(user, items)
        self._popularity *= _FADING
        self._popularity[items[clicked]] += 1
        self._lists += 1
        request, time = f"list {self._lists}", int(moment.timestamp() * 1e6)
        events = []
        for position, item in enumerate(items):
            happened = {"impression": True, "click": clicked[position], "purchase": bought[position]}
            for step, kind in enumerate(kind for kind, is_so in happened.items() if is_so):
                events.append(
                    Event(
                        event_id=f"{request}/{position}/{kind}",
                        user_id=user_id_of(user),
                        item_id=self._ids[item],
                        event=kind,
                        timestamp=time + step * (position + 1) * 1_000_000,
                        request_id=request,
                        position=position,
                        propensity=propensities[position] if position < len(propensities) else None,
                    )
                )
        return events, int(clicked.sum())

    def _popular(self) -> NDArray[np.int32]:
        """The items, those clicked most lately first; users get the first ones that they have not clicked yet."""
        return self._here[np.argsort(-self._popularity[self._here], kind="stable")]

    def _arrivals(self, live: ServerConnection, number: int) -> None:
        """New items and new users."""
        new = self._later[number - 1]
        if len(new):
            live.put_items(self.catalogue.frame[new].drop("available", "available_until", "created_at", strict=False))
            self._here = np.sort(np.concatenate([self._here, new])).astype(np.int32)
        self.world.add_users(len(self.world.users) // 20)
