"""One metric a file: pure functions over arrays, without state and without input or output.

Accuracy metrics take `hits` (n_requests, k), True where a list holds a target, best rank first, and `n_targets`
(n_requests,). They return one float64 per request, NaN where a request has no target and the metric has no meaning.

Of what was wanted: ndcg, recall, hit_rate, mrr, average_precision, auc. Of what is listed: coverage, diversity,
novelty, personalisation. Of probabilities: reliability.
"""
