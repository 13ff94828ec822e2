"""Answers of /v1/models, and of the server about itself."""

from typing import Any

from pydantic import BaseModel


class VersionOut(BaseModel):
    """One trained version; `events` and `items` say what it learned from, `problem` why it cannot be read, if so."""

    version: str
    created_at: str | None
    parent: str | None
    events: int | None
    items: int | None
    metrics: dict[str, Any]
    problem: str | None


class ModelsAnswer(BaseModel):
    """All versions; `current` is what the registry names, `served` what this worker answers from."""

    current: str | None
    served: str | None
    versions: list[VersionOut]


class WindowOut(BaseModel):
    """What a version learned from; `start` and `end` are ISO 8601."""

    n_events: int
    n_users: int
    n_items: int
    start: str | None
    end: str | None


class VersionAnswer(BaseModel):
    """One version and the report of its training: every figure a mean with a 95 % interval.

    `baselines` are simpler rankings of the same requests, `ablation` the ranker without one of its parts, `slices` the
    full ranker on kinds of requests, `importances` the gain of each feature.
    """

    version: str
    created_at: str
    parent: str | None
    data: WindowOut
    n_requests: int
    metrics: dict[str, Any]
    baselines: dict[str, Any]
    ablation: dict[str, Any]
    slices: dict[str, Any]
    slice_sizes: dict[str, int]
    importances: dict[str, float]
    caveats: list[str]


class AliveAnswer(BaseModel):
    """The process answers; of versions it says nothing."""

    status: str


class ReadyAnswer(AliveAnswer):
    """Lists can be made, with the served version."""

    model_version: str
