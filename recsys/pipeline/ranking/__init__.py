"""The second stage: features, ranker and policy turn the candidates of a block of requests into ordered lists.

scoring              from requests in numbers to candidates and their features
required             candidates that a caller or a rule asks for
ordering             from there to ordered lists
rankers              the ranker of a version, and the same without each part
ranker_fits          how each of these is fitted
ranker_calibration   p_click and p_purchase from a ranker's scores
rules                the policy of a list, from configuration and request
"""
