"""The ranker of candidates.

rows, columns      what it learns from
samples            which of the rows teach, and which ones judge
row_metrics        how well scores order rows
lambdarank         the ranker: boosted trees, with a weighted sum beside them where requests are few
boosting           the trees: all calls of LightGBM that make them
linear, listwise   the weighted sum, and its loss
linear_loops       loops of the weighted sum over whole tables
stacking           how much trees and sum count
continuation       how a ranker goes on with newer requests
tuning             the search for its settings
compiled           its trees as fast loops
score_calibration  from scores to the probability of an event
conversion         whether what is wanted is also bought
explain            contributions of groups of features
"""
