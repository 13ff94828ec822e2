"""The second stage: features, ranker and policy turn the candidates of a block of requests into ordered lists.

scoring goes from requests to candidates and their features, ordering from there to lists. rankers holds the ranker of a
version and its ablations, and ranker_fits fits each of them. rules makes the policy of a list, and stages says how long
each step took and what was left out.
"""
