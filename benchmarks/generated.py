"""A version over a catalogue of any size, made from real texts: the usual sources, every feature, a full ranker."""

from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.arguments import real_file
from features.state import EventState
from recsys.arrays.float16 import rounded_to_float16
from recsys.cf.als import Als
from recsys.cf.categories import CategoryPopularity
from recsys.cf.links import ItemLinks
from recsys.cf.model import CollaborativeModel
from recsys.cf.neighbours import Neighbours
from recsys.cf.popular import Popular
from recsys.cf.revisits import Revisits
from recsys.cf.transitions import Transitions
from recsys.config import Config
from recsys.data.groups.membership import groups_of
from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.items.catalogue import ItemCatalogue
from recsys.data.log.interactions import InteractionLog
from recsys.errors import DataError
from recsys.eval.results import EvaluationReport
from recsys.moments import DAY
from recsys.pipeline.candidates.sources import Sources
from recsys.pipeline.ranking.ranker_calibration import RankerCalibration
from recsys.pipeline.ranking.rankers import Rankers
from recsys.pipeline.ranking.scoring import Scoring
from recsys.pipeline.recommender.bundle import Bundle
from recsys.progress import Progress, silent
from recsys.rank.lambdarank import Ranker
from recsys.rank.score_calibration import ScoreCalibration
from recsys.registry import Registry
from recsys.text.encoder import TextEncoder
from recsys.text.fitting import InterestFitting
from recsys.text.interest import InterestModel
from recsys.text.scoring import Scorer, TextVectors

N_USERS = 2_000
EVENTS_PER_USER = 50
LINKS_PER_ITEM = 50
_ITEMS_OF_A_TOPIC = 100
_APART = 0.5
"""Distance that is added to items made from the same text: a cosine of about 0.9 to the first one, and 0.8 between two
others."""
_START = 1_700_000_000_000_000
_SPAN = 180 * DAY
_RANKER_REQUESTS = 400
_RANKER_ROWS = 100
_TREES, _LEAVES = 300, 31
"""Trees and leaves, of which there are twice as many as by default: the size for which speeds are stated."""

_SOURCES = ("transitions", "neighbours", "als", "text", "popular", "categories", "history")


def publish(
    folder: Path,
    n_items: int,
    n_users: int = N_USERS,
    progress: Progress = silent,
) -> Registry:
    """A registry with one version of `n_items` items, users `u0`, `u1`, ... with 50 events each, 300 trees.

    Titles, categories and brands are those of the data set scientific (where `RECSYS_DATA` points), in turns.
    """
    rng = np.random.default_rng(0)
    config = Config.model_validate(
        {"policy": {"seen": "exclude", "discovery": 0.0}, "text": {"peft": "none"}, "candidates": {"sources": _SOURCES}}
    )
    real = pl.read_parquet(real_file("scientific", "items.parquet"))
    catalogue = _catalogue(real, n_items, rng)
    log = _log(n_items, n_users, rng)
    vectors = _vectors(real["title"].to_list(), n_items, config, rng)
    sources = _sources(vectors, catalogue, log, config, rng, progress)
    scoring = Scoring(catalogue, sources, EventState(log))
    features = scoring.features(config.features)
    ranker = _ranker(features.names, rng)
    rankers = Rankers(ranker, {}, RankerCalibration(ScoreCalibration(1.0, -3.0), ScoreCalibration(1.0, -4.0)))
    report = EvaluationReport(
        version="",
        dataset="generated",
        n_requests=0,
        k=10,
        metrics={},
        baselines={},
        ablation={},
        slices={},
        comparisons={},
    )
    fingerprint = f"generated {n_items}"
    bundle = Bundle(config, config, catalogue, log, sources, features, rankers, report, fingerprint)
    registry = Registry(folder)
    registry.publish(bundle, why="benchmark")
    return registry


def _catalogue(real: pl.DataFrame, n_items: int, rng: np.random.Generator) -> ItemCatalogue:
    numbers = pl.int_range(n_items).cast(pl.String)
    turns = real.select("title", "category", "brand")[np.arange(n_items) % len(real)]
    frame = turns.with_columns(
        ("i" + numbers).alias("item_id"),
        pl.concat_str("title", pl.lit(" "), numbers),  # a text of its own
        pl.lit(None, pl.String).alias("description"),
        pl.lit(None, pl.List(pl.String)).alias("tags"),
        pl.Series("price", rng.gamma(2.0, 10.0, n_items)),
        pl.lit(None, pl.String).alias("language"),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("created_at"),
        pl.Series("available", rng.random(n_items) < 0.98),
    )
    return ItemCatalogue(frame)


def _vectors(titles: list[str], n_items: int, config: Config, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n_items, dim) unit rows: of the titles in turns, from the second turn on each a little apart."""
    of_titles = TextEncoder.load(config.text.encoder, config.text.max_tokens).encode(titles)
    rows = _unit_rows(n_items, of_titles.shape[1], rng)
    rows *= np.float32(_APART)
    rows[: len(titles)] = 0.0
    rows += of_titles[np.arange(n_items) % len(titles)]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rounded_to_float16(rows)


def _log(n_items: int, n_users: int, rng: np.random.Generator) -> InteractionLog:
    n = n_users * EVENTS_PER_USER
    items = (n_items * rng.random(n) ** 2).astype(np.int32)  # some are wanted far more than others
    return InteractionLog(
        user_vocabulary=Vocabulary([f"u{number}" for number in range(n_users)]),
        event_names=("click", "purchase"),
        n_items=n_items,
        users=rng.permutation(np.repeat(np.arange(n_users, dtype=np.int32), EVENTS_PER_USER)),
        items=items,
        events=(rng.random(n) < 0.3).astype(np.int8),
        times=np.sort(_START + rng.integers(0, _SPAN, n)),
        weights=np.ones(n, dtype=np.float32),
        values=np.full(n, np.nan, dtype=np.float32),
        requests=np.full(n, -1, dtype=np.int32),
        positions=np.full(n, -1, dtype=np.int16),
        propensities=np.full(n, np.nan, dtype=np.float32),
    )


def _sources(
    vectors: NDArray[np.float32],
    catalogue: ItemCatalogue,
    log: InteractionLog,
    config: Config,
    rng: np.random.Generator,
    progress: Progress,
) -> Sources:
    n_items = len(vectors)
    small = InterestFitting(["tea", "coffee"], log.select(slice(0, 0)), config.text, minutes=0).run()
    topics = rng.integers(0, max(1, n_items // _ITEMS_OF_A_TOPIC), n_items)
    texts = TextVectors(vectors, vectors, np.zeros(n_items, dtype=np.float32), np.zeros(n_items, dtype=np.float32))
    interest = InterestModel(small.settings, Scorer(texts, small.scorer.parameters), vectors, small.reader)
    factors = np.float32(0.2) * _about(topics, config.cf.factors, rng)
    groups = groups_of(catalogue.frame, ("item_id", "title", "available"))
    if groups is None:
        raise DataError("the items of scientific have no categories and no brands; get the data set anew")
    models: dict[str, CollaborativeModel] = {
        "transitions": _linked(Transitions, n_items, rng),
        "neighbours": _linked(Neighbours, n_items, rng),
        "als": Als(factors, config.cf.alpha, config.cf.regularization),
        "popular": Popular.fit(log, config.cf),
        "categories": CategoryPopularity.of(groups, log, config.cf),
        "history": Revisits(n_items),
    }
    sources = Sources(models, interest)
    return sources.indexed(progress=progress) if n_items > config.candidates.exact_items else sources


def _about(topics: NDArray[np.int64], dim: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, dim) unit rows; two of one topic have a cosine of about 0.6, as two texts about the same thing."""
    noise = np.float32(0.8)
    middles = _unit_rows(int(topics.max(initial=0)) + 1, dim, rng)
    rows = _unit_rows(len(topics), dim, rng)
    rows *= noise
    rows += middles[topics]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _unit_rows(n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float32]:
    rows = rng.standard_normal((n, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _linked(kind: type[ItemLinks], n_items: int, rng: np.random.Generator) -> ItemLinks:
    columns = rng.integers(0, n_items, (n_items, LINKS_PER_ITEM), dtype=np.int32)
    ends = np.arange(0, columns.size + 1, LINKS_PER_ITEM)
    links = sp.csr_matrix((rng.random(columns.size, dtype=np.float32), columns.ravel(), ends), (n_items, n_items))
    links.sum_duplicates()
    return kind(links, np.ones(links.nnz, dtype=np.int32))


def _ranker(names: list[str], rng: np.random.Generator) -> Ranker:
    """Trees of a fixed size: the tables are random, what is wanted depends on them."""
    n = _RANKER_REQUESTS * _RANKER_ROWS
    table = rng.standard_normal((n, len(names)), dtype=np.float32)
    wish = table[:, ::3].sum(axis=1) + rng.standard_normal(n, dtype=np.float32)
    grades = np.zeros(n, dtype=np.int32)
    best = np.argsort(-wish.reshape(-1, _RANKER_ROWS), axis=1)[:, :5] + np.arange(0, n, _RANKER_ROWS)[:, None]
    grades[best.ravel()] = 1
    settings = {"objective": "lambdarank", "num_leaves": _LEAVES, "seed": 0, "verbosity": -1}
    sizes = np.full(_RANKER_REQUESTS, _RANKER_ROWS)
    data = lightgbm.Dataset(table, label=grades, group=sizes, feature_name=names)
    return Ranker(lightgbm.train(settings, data, _TREES), tuple(names))
