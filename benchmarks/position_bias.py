"""Does debiasing recover what is wanted from clicks that depend on the position? Simulated clicks over real catalogues.

    python -m benchmarks.position_bias [--data ../shared/data] [--work DIR] [--requests 4000] [NAME ...]

Lists of twenty items of a real catalogue are shown to users with real histories, in the order of a simple ranker that
likes what is popular and of the brand or category of the last item. What a user wants is known here: a function of the
texts, the popularity and the kind of an item. A position is looked at with probability 1 / position; an item is clicked
if it is both wanted and looked at. A naive and a debiased ranker learn from the same clicks; a third one learns from
what was wanted, which is the best possible. All are judged on other lists by the true probability of wanting.
docs/quality.md has the figures.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.arguments import add_data_sets, parser_of, work_folder
from benchmarks.quality import prepare
from recsys.config import RankerConfig
from recsys.data.dataset import Dataset
from recsys.data.loading import load_dataset
from recsys.data.requests.list_positions import discounts
from recsys.eval.confidence import Comparison, compare, intervals
from recsys.rank.columns import Columns
from recsys.rank.lambdarank import Ranker
from recsys.rank.rows import RankerRows
from recsys.text.cache import VectorCache
from recsys.text.encoder import TextEncoder

NAMES = ("scientific", "movielens-small", "online-retail")
FEATURES = ("text to the last item", "text to the history", "popularity", "same category", "same brand", "price")
_COLUMNS = Columns(FEATURES)
_SIZE, _CUT = 20, 10
"""Items of a list, and positions of the ndcg."""
_CONFIG = RankerConfig(trees=150, leaves=15, min_rows_per_leaf=50)


@dataclass(frozen=True)
class Shown:
    """Lists that were shown: what a ranker sees of them, the true probability of wanting, clicks, positions."""

    rows: RankerRows
    wanting: NDArray[np.float64]  # (n_requests, _SIZE)


def simulate(dataset: Dataset, vectors: NDArray[np.float32], n_requests: int, seed: int, *, biased: float) -> Shown:
    """Lists in the order of the logging ranker, and clicks; a position is seen as often as 1 / position ** `biased`."""
    rng, log = np.random.default_rng(seed), dataset.log.positive()
    popularity = np.log1p(np.bincount(log.items, minlength=log.n_items))
    popularity = (popularity - popularity.mean()) / popularity.std()
    kinds = [dataset.catalogue.codes(column) for column in ("category", "brand")]
    prices = dataset.catalogue.frame["price"].cast(float).fill_null(np.nan).to_numpy()
    order = np.argsort(log.users, kind="stable")
    by_user = np.split(log.items[order], np.cumsum(np.bincount(log.users))[:-1])
    by_user = [items for items in by_user if len(items) > 1]
    known = np.unique(log.items)
    table = np.zeros((n_requests, _SIZE, len(FEATURES)), dtype=np.float32)
    for row in range(n_requests):
        history = by_user[rng.integers(len(by_user))][-10:]
        last = history[-1]
        # Half of them near to the last item, so that candidates differ.
        near = np.argpartition(-(vectors[known] @ vectors[last]), 60)[:60]
        some = np.unique(np.concatenate([known[rng.choice(near, 14, replace=False)], rng.choice(known, 40)]))
        items = rng.permutation(some[some != last])[:_SIZE]
        mean = vectors[history].mean(axis=0)
        same = [np.where(kind[items] >= 0, kind[items] == kind[last], False) for kind in kinds]
        parts = (vectors[items] @ vectors[last], vectors[items] @ mean, popularity[items], *same, prices[items])
        table[row] = np.stack(parts, axis=1)
    text, taste, popular, category, brand = (table[:, :, column].astype(np.float64) for column in range(5))
    wanting = expit(-3.0 + 5.0 * text * (taste > taste.mean()) + 1.0 * category - 0.8 * popular * (text < 0.3))
    shown_first = 1.2 * popular + 1.5 * brand + 0.5 * category + rng.normal(0, 0.5, popular.shape)
    positions = np.argsort(np.argsort(-shown_first, axis=1), axis=1)
    clicked = rng.random(wanting.shape) < wanting * (1.0 / (1 + positions)) ** biased
    gains = clicked.ravel().astype(np.float32)
    rows = RankerRows(
        table.reshape(-1, len(FEATURES)),
        gains,
        np.zeros(len(gains), dtype=bool),
        np.full(n_requests, _SIZE, dtype=np.int64),
        np.arange(n_requests, dtype=np.int64),
        np.zeros(len(gains), dtype=np.uint16),
        positions.ravel().astype(np.int16),
    )
    return Shown(rows, wanting)


def ndcg(scores: NDArray[np.float32], wanting: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_requests,) ndcg@10 whose gains are the true probabilities."""
    weights = discounts(np.arange(_CUT))
    orders = (
        np.argsort(-values, axis=1, kind="stable")[:, :_CUT] for values in (scores.reshape(wanting.shape), wanting)
    )
    reached, best = ((np.take_along_axis(wanting, order, axis=1) * weights).sum(axis=1) for order in orders)
    return np.asarray(reached / best)


def leaning(scores: NDArray[np.float32], test: Shown) -> float:
    """How far a score follows the popularity that decided positions, beyond what is wanted: a partial correlation."""
    popular = test.rows.table[:, FEATURES.index("popularity")].astype(np.float64)
    centred = [(v - v.mean()) / v.std() for v in (scores.astype(np.float64), popular, test.wanting.ravel())]
    score, popular, wanted = centred
    rest = [values - (values @ wanted) / len(wanted) * wanted for values in (score, popular)]
    return float(np.corrcoef(*rest)[0, 1])


def run(name: str, data: Path, work: Path, n_requests: int) -> None:
    """One table."""
    dataset = load_dataset(prepare(name, data, work))
    encoder = TextEncoder.load("all-MiniLM-L6-v2", 64)
    vectors = VectorCache(work / "vectors.db").vectors(encoder, dataset.catalogue.texts)
    train, validation = (
        simulate(dataset, vectors, n, s, biased=1.0) for n, s in ((n_requests, 0), (n_requests // 5, 1))
    )
    unbent = [simulate(dataset, vectors, n, s, biased=0.0) for n, s in ((n_requests, 0), (n_requests // 5, 1))]
    test = simulate(dataset, vectors, n_requests // 2, 2, biased=1.0)
    debias = _CONFIG.model_copy(update={"debias": True})
    rankers = {
        "naive": Ranker.fit(train.rows, validation.rows, _COLUMNS, _CONFIG, 0),
        "debiased": Ranker.fit(train.rows, validation.rows, _COLUMNS, debias, 0),
        "from what was wanted": Ranker.fit(unbent[0].rows, unbent[1].rows, _COLUMNS, _CONFIG, 0),
    }
    scores = {way: ranker.score(test.rows.table) for way, ranker in rankers.items()}
    reached = {way: ndcg(score, test.wanting) for way, score in scores.items()}
    print(f"\n### {name}: {n_requests:,} lists shown, {test.rows.n_requests:,} judged\n")
    print(
        "| ranker | ndcg@10 by true wanting | leans to what was shown first | against naive |\n| --- |" + " --- |" * 3
    )
    for way, values in reached.items():
        figure = intervals(values[:, None])[0]
        against: Comparison | None = None if way == "naive" else compare(values, reached["naive"])
        verdict = "" if against is None else f"{against.verdict}, p = {against.p_value:.4f}"
        cells = f"{figure['mean']:.4f} ({figure['low']:.4f}-{figure['high']:.4f})"
        print(f"| {way} | {cells} | {leaning(scores[way], test):+.3f} | {verdict} |", flush=True)


def main() -> None:
    """Parse, and run every data set that is named."""
    parser = parser_of(__doc__)
    add_data_sets(parser, NAMES)
    parser.add_argument("--work", type=Path, help="keep the text vectors here")
    parser.add_argument("--requests", type=int, default=4_000, help="lists that are learned from")
    arguments = parser.parse_intermixed_args()
    with work_folder(arguments.work) as work:
        for name in arguments.names or NAMES:
            run(name, arguments.data, work, arguments.requests)


if __name__ == "__main__":
    main()
