"""Collaborative models: each learns from a log and scores all items for any history (model)."""
