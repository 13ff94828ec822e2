"""From a log to a version: three windows in time, rows for the ranker, and what a training reports.

train starts from scratch and continued from a version, both by the steps in steps; splits trains once for every cut of
a log. Before: preparing with further_columns, encode_ahead. Within: item_dropout, source_choice with past_proposals,
rows, discovery_choice, given_histories. For the report: feature_rows, feature_report. After: kept_vectors.
"""
