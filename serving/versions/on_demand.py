"""A version that is loaded on demand, to compare its lists with those of the served one."""

import asyncio

from recsys.pipeline.recommender.loaded_version import LoadedVersion
from recsys.pipeline.recommender.recommend import Recommender
from serving.pool import BoundedPool
from serving.versions.refreshing import VersionRefresher
from serving.versions.served import ServedVersions

KEEP_SECONDS = 600.0
"""How long a version is kept in memory after it was last asked for."""

WAITING = 8
"""Callers that may wait while a version is loaded; further ones get 429."""


class OnDemandVersion:
    """Loads a version when it is first asked for, and keeps it until another one is, or nobody asks any more.

    Used from one event loop.

    Args:
        served: the versions that answer.
        refresher: loads the others.
    """

    def __init__(self, served: ServedVersions, refresher: VersionRefresher) -> None:
        self._served = served
        self._refresher = refresher
        self._loading = BoundedPool("on demand", 1, WAITING)
        self._kept: LoadedVersion | None = None
        self._unloading: asyncio.TimerHandle | None = None

    async def recommender(self, version: str) -> Recommender:
        """A version that knows every stored event; one that answers already where that is meant.

        Raises:
            BundleError: there is no such version, or it is damaged.
            ConfigError: it knows users by their ids, and this server must not.
            StoreError: the store does not answer, which knows what was deleted since the version was made.
            ProblemError: 429, too many callers wait.
        """
        served = await self._loading.run(lambda: self._caught_up(version))
        if self._unloading is not None:
            self._unloading.cancel()
        self._unloading = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._unload)
        return served.recommender

    def close(self) -> None:
        """Let a load under way finish, then let go of the version."""
        self._loading.close()
        if self._unloading is not None:
            self._unloading.cancel()
        self._unload()

    def _caught_up(self, version: str) -> LoadedVersion:
        answers, kept = self._served.find(version), self._kept
        if answers is not None:
            return answers
        if kept is not None and kept.version == version:
            self._refresher.catch_up(kept)
            return kept
        self._kept = kept = None  # its memory is free before the next one takes some
        self._kept = loaded = self._refresher.load(version)
        return loaded

    def _unload(self) -> None:
        self._kept = None
