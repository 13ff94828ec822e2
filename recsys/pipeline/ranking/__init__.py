"""The second stage: features, ranker and policy turn the candidates of a block of requests into ordered lists.

scoring goes from requests to candidates and their features (required are candidates that a caller or a rule asks for),
ordering from there to lists. rankers holds the ranker of a version and its ablations, ranker_fits fits each of them,
and calibration makes probabilities of their scores. rules makes the policy of a list, and stages says how long each
step took and what was left out.
"""
