"""The ranker: what it learns from (rows), its trees (lambdarank, over boosting) and what few requests teach beside them
(linear), how far each is believed (stacking; both by the loss of listwise), how it goes on (continuation), its settings
(tuning), and what its scores mean (calibration, explain)."""
