"""The ranker of candidates.

rows, columns      what it learns from
samples, judging   which of the rows teach and which judge; how well scores order them
lambdarank         the ranker: trees (by boosting), and beside them a weighted sum where requests are few
boosting           what it needs of LightGBM
linear, listwise   the weighted sum, and its loss
linear_loops       loops of the weighted sum over whole tables
stacking           how much the parts count
continuation       how it goes on with newer requests
tuning             its settings
compiled           its trees as fast loops
score_calibration  scores to the probability of one event
conversion         whether what is wanted is also bought
explain            contributions of groups of features
"""
