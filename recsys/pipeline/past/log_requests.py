"""The requests that can be found in a log, one row each.

What a user does with an item in one visit is one act: a view, a cart and a purchase within minutes are together one
strong answer to the list that was open at the view. If the purchase were a request of its own, its user would have just
looked at the item, and it would need no recommender to predict what is bought.
"""

import numpy as np
import polars as pl

from recsys.data.log.interactions import InteractionLog
from recsys.data.log.visits import VISIT, visits_of


def requests_of_log(log: InteractionLog, start: int, end: int) -> pl.DataFrame:
    """The requests of the window [start, end), microseconds, in the order of time.

    Columns: `user` and `time` (of the first event); `targets`, the items with a positive event, and `weights`, of the
    strongest one on each; `shown`, the items of impressions, and `positions`, theirs or -1; `has_list`, whether
    the id of a list that was shown is known.
    """
    acts = _acts_of_visits(log.between(start - VISIT, end))
    items = (
        acts.filter(pl.col("time") >= start)
        .group_by("user", "request", "moment", "item")
        .agg(pl.col("time").min(), pl.col("weight").max(), pl.col("shown").any(), pl.col("position").max())
    )
    wanted, shown = pl.col("weight") > 0, pl.col("shown")
    requests = (
        items.sort("time", "item")
        .group_by("user", "request", "moment", maintain_order=True)
        .agg(
            pl.col("time").min(),
            pl.col("item").filter(wanted).alias("targets"),
            pl.col("weight").filter(wanted).alias("weights"),
            pl.col("item").filter(shown).alias("shown"),
            pl.col("position").filter(shown).alias("positions"),
        )
        .sort("time", "user", "request", maintain_order=True)
    )
    # For impressions without a request_id, it is not known what followed.
    has_list = (pl.col("request") >= 0) & (pl.col("shown").list.len() > 0)
    return requests.with_columns(has_list=has_list).drop("request", "moment")


def _acts_of_visits(log: InteractionLog) -> pl.DataFrame:
    """The events, each with the request that it belongs to: user, request, moment.

    An act that does not name its request belongs to that of the act before in the same visit, if there is one.
    """
    visits = visits_of(log)
    own = visits.begins | (log.requests[visits.acts] >= 0)
    of = np.arange(len(log))
    of[visits.acts] = visits.acts[np.maximum.accumulate(np.where(own, np.arange(len(own)), 0))]
    requests, times = log.requests[of], log.times[of]
    return pl.DataFrame(
        {
            "user": log.users,
            "request": requests,
            "moment": np.where(requests >= 0, 0, times),
            "time": times,
            "item": log.items,
            "weight": log.weights,
            "shown": log.is_impression,
            "position": np.where(log.is_impression, log.positions, -1),
        }
    )
