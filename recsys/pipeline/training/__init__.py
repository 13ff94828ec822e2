"""From a log to a version: three windows in time, rows for the ranker, and what a training reports.

train starts from scratch and continued from a version, both by the steps in steps; splits trains once for every cut of
a log. Before: further_columns, listable, encode_ahead. Within: item_dropout, source_choice with past_proposals, rows.
For the report: feature_rows, feature_report. After: kept_vectors.
"""
