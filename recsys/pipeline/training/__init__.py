"""From a log to a version: three windows in time, rows for the ranker, and what a training reports."""
