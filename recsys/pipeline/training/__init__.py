"""From a log to a version: three windows in time, rows for the ranker, and what a training reports.

train              from scratch
continued          from an earlier version
splits             once for every cut of a log
steps              the steps of all three: sources learn, rows are made, rankers are fitted, a window is measured

preparing          checks, windows, and what the data decide before anything is fitted
attribute_features which attributes of the items the ranker sees
event_columns      which kinds of acts are features of their own
returns            columns by whose values users come back at even intervals
encode_ahead       texts encoded side by side

rows               the ranker's rows
item_dropout       items whose past is hidden, so that rows of new items teach
source_choice      which live sources are used, and how much each source counts
past_proposals     what sources proposed for past requests, from which that is learned
own_rankers        whether some kinds of requests have a ranker of their own:
given_histories    those that bring their history
named_candidates   those that name the items to rank
discovery_choice   `policy.discovery = auto`

feature_rows       the columns in the report of a training
feature_report     the same without a training, for `recsys features stats`
kept_vectors       which text vectors stay on disk
"""
