"""A bundle: one trained whole, in memory and as the files of a version."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from features.configured import configured
from features.feature_set import FeatureSet
from recsys.config import Config, parse_config
from recsys.data.dataset import Dataset
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.data.users.forget import DigestIndex, without_users
from recsys.data.users.pseudonyms import ENVIRONMENT_KEY, Pseudonyms
from recsys.errors import BundleError, ConfigError
from recsys.eval.results import EvaluationReport, MeasuredReport
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.ranking.rankers import Rankers
from recsys.registry import DataRecord, Description, Registry, StoreMark
from recsys.registry.manifest import MANIFEST

REPORT = "evaluation/report.json"
"""Where a version keeps the report of its training."""

_REQUESTED = "config_asked.json"
"""Where a version keeps the configuration as it was requested; versions of older releases do not."""

_KEY_MARK = "vocabulary/pseudonym_key.json"
"""Where a version with pseudonyms keeps the mark of their key; versions of older releases do not."""


@dataclass(frozen=True)
class Bundle:
    """Everything that a served version knows.

    Attributes:
        config: as resolved by training: nothing in `policy` is `auto`.
        requested_config: the configuration before that, as it was requested.
        catalogue: the items.
        log: all events it was trained on; histories and counters are folds over it.
        sources: the sources, fitted on the whole log.
        features: the ranker's columns, in order.
        rankers: the ranker, its ablations and calibrations.
        report: figures of the test window, by models that had not seen it.
        fingerprint: sha256 of the data.
        store: up to which entry it holds the event log of a store.
        continued: how many trainings ago one was from scratch; 0 if this one was.
        n_rejected: rows of the data set that were set aside.
        version: name in the registry; empty before it is published.
    """

    config: Config
    requested_config: Config
    catalogue: ItemCatalogue
    log: InteractionLog
    sources: Sources
    features: FeatureSet
    rankers: Rankers
    report: EvaluationReport
    fingerprint: str
    store: StoreMark | None = None
    continued: int = 0
    n_rejected: int = 0
    version: str = ""

    @property
    def config_from_scratch(self) -> Config:
        """The configuration of a training from scratch: what was left to training is decided again, except
        `policy.seen`. What counts as a request depends on it, and two versions must be compared on the same
        requests."""
        return self.requested_config.changed(policy={"seen": self.config.policy.seen})

    @cached_property
    def typical_weight(self) -> float:
        """See `InteractionLog.typical_weight`."""
        return self.log.typical_weight

    @cached_property
    def digests(self) -> DigestIndex:
        """Finds users of the log by digest, to forget them. Made when first needed, because it reads all ids."""
        return DigestIndex(self.log.user_vocabulary)

    @property
    def learned_until(self) -> int:
        """Moment of the last event that was learned from, microseconds; 0 without any."""
        return int(self.log.times[-1]) if len(self.log) else 0

    @property
    def data_record(self) -> DataRecord:
        """What the manifest says of the data."""
        return DataRecord(
            fingerprint=self.fingerprint,
            start=int(self.log.times[0]) if len(self.log) else None,
            end=int(self.log.times[-1]) if len(self.log) else None,
            n_events=len(self.log),
            n_users=self.log.n_users,
            n_items=len(self.catalogue),
            n_rejected=self.n_rejected,
        )

    @property
    def description(self) -> Description:
        """What the manifest says besides its files."""
        return Description(
            data=self.data_record,
            config=self.config.model_dump(mode="json"),
            metrics=self.report.metrics,
            feature_names=self.features.names,
            store=self.store,
            continued=self.continued,
        )

    def without_users(self, digests: Collection[str]) -> "Bundle":
        """The same without events, ids, figures and profiles of users who are forgotten.

        Args:
            digests: `user_digest` of their ids.
        """
        log, figures = without_users(self.log, digests), self.report.per_request
        if figures is not None:
            numbers = log.user_vocabulary.numbers(self.log.user_vocabulary.ids(figures["user"]))
            figures = figures.with_columns(user=numbers).filter(pl.col("user") >= 0)
        sources = self.sources.without_users(digests)
        return replace(self, log=log, sources=sources, report=replace(self.report, per_request=figures))

    def save(self, folder: Path) -> None:
        """Write all files into an existing folder."""
        self.catalogue.save(folder / "vocabulary")
        if (pseudonyms := Pseudonyms.of_config(self.config.privacy)) is not None:
            (folder / _KEY_MARK).write_text(json.dumps(pseudonyms.mark), encoding="utf-8")
        self.log.save(folder / "features" / "log")
        self.sources.save(folder)
        self.rankers.save(folder / "rank")
        (folder / _REQUESTED).write_text(self.requested_config.model_dump_json(indent=2), encoding="utf-8")
        (folder / "policy").mkdir()
        (folder / "policy" / "policy.json").write_text(self.config.policy.model_dump_json(indent=2), encoding="utf-8")
        (folder / REPORT).parent.mkdir()
        (folder / REPORT).write_text(json.dumps(self.report.to_json(), indent=2), encoding="utf-8")
        if self.report.per_request is not None:
            self.report.per_request.write_parquet(folder / "evaluation" / "requests.parquet")

    @classmethod
    def load(cls, registry: str | Path | Registry, version: str | None = None) -> "Bundle":
        """Load one version of a registry, by default the current one, after every file's checksum was verified.

        Raises:
            BundleError: there is no such version, or it is damaged or too new; the message names the file.
            ConfigError: it was trained on pseudonyms, and the environment lacks their key.
        """
        registry = registry if isinstance(registry, Registry) else Registry(registry)
        name = registry.resolve(version)
        try:
            return cls._read(registry, name)
        except FileNotFoundError as error:  # the manifest has all files, so it was made without
            registry.resolve(name)  # unless another process has just removed it: then this raises
            raise BundleError(
                f"version {name} is of a release that wrote other files; train again ({error})"
            ) from error

    @classmethod
    def _read(cls, registry: Registry, name: str) -> "Bundle":
        folder, manifest = registry.path_of(name), registry.manifest(name)
        config = trained_config(registry, name)
        check_pseudonyms(registry, name)
        catalogue = ItemCatalogue.load(folder / "vocabulary")
        rankers = Rankers.load(folder / "rank")
        if manifest.feature_names != rankers.full.names:
            raise BundleError(f"{folder / MANIFEST} is damaged: its feature_names are not the columns of the ranker")
        requested = folder / _REQUESTED
        report = {**json.loads((folder / REPORT).read_text(encoding="utf-8")), "version": name}
        requests = folder / "evaluation" / "requests.parquet"
        sources = Sources.load(folder, config.candidates.sources)
        if sources.interest is not None:
            sources.interest.vectors_file = registry.vectors_file
        return cls(
            config=config,
            requested_config=(
                parse_config(json.loads(requested.read_text(encoding="utf-8"))) if requested.exists() else config
            ),
            catalogue=catalogue,
            log=InteractionLog.load(folder / "features" / "log", len(catalogue)),
            sources=sources,
            features=FeatureSet.named(manifest.feature_names, configured(config.features)),
            rankers=rankers,
            report=EvaluationReport.from_json(
                report, pl.read_parquet(requests, glob=False) if requests.exists() else None
            ),
            fingerprint=manifest.data.fingerprint,
            store=manifest.store,
            continued=manifest.continued,
            n_rejected=manifest.data.n_rejected,
            version=name,
        )


@dataclass(frozen=True)
class TrainedBundle(Bundle):
    """A bundle in the process that trained it, where the measurements behind its report are still at hand."""

    report: MeasuredReport

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        config: Config,
        requested_config: Config,
        sources: Sources,
        features: FeatureSet,
        rankers: Rankers,
        report: MeasuredReport,
    ) -> "TrainedBundle":
        """A bundle of what a training made; the arguments are the attributes of these names."""
        return cls(
            config=config,
            requested_config=requested_config,
            catalogue=dataset.catalogue,
            log=dataset.log,
            sources=sources,
            features=features,
            rankers=rankers,
            report=report,
            fingerprint=dataset.fingerprint,
            n_rejected=dataset.n_rejected,
        )


def trained_config(registry: Registry, version: str) -> Config:
    """The configuration that a version was trained with.

    Raises:
        BundleError: there is no such version, or its manifest is damaged.
    """
    manifest = registry.manifest(version)
    try:
        config = parse_config(_with_what_it_lacks(manifest.config))
        configured(config.features)
    except ConfigError as error:
        path = registry.path / "versions" / version / MANIFEST
        raise BundleError(f"{path} is damaged, or of another release: {error}") from error
    return config


def check_pseudonyms(registry: Registry, version: str) -> None:
    """Refuse a version whose users the environment's key does not find: all would be new, and none forgotten.

    Raises:
        BundleError: there is no such version, or its manifest is damaged.
        ConfigError: it was trained on pseudonyms, and the environment has no key, or another one.
    """
    pseudonyms = Pseudonyms.of_config(trained_config(registry, version).privacy)
    mark = registry.path / "versions" / version / _KEY_MARK
    if pseudonyms is not None and mark.exists() and mark.read_text(encoding="utf-8") != json.dumps(pseudonyms.mark):
        raise ConfigError(
            f"{ENVIRONMENT_KEY} is not the key with which version {version} was trained, so all its users would be "
            "new; set that one, or train anew with this one (`recsys train`)"
        )


def _with_what_it_lacks(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a version, which may be of a release that did not know `policy.discovery`: its lists kept
    the ranker's order. Today's default leaves the decision to training, and a trained version is beyond that."""
    return {**config, "policy": {"discovery": 0.0, **config.get("policy", {})}}
