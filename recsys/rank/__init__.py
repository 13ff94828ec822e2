"""The ranker of candidates.

Learning:   rows (what it learns from) with their columns, lambdarank (its trees, fitted by boosting), linear (what few
            requests teach beside them), stacking (how much each of the two counts); the last two by the loss of
            listwise
Later:      continuation (how it goes on with newer requests), tuning (of its settings)
Scoring:    compiled (the trees as fast loops), calibration (scores to probabilities), conversion (whether what is
            wanted is also bought), explain (contributions of groups of features)
"""
