"""Ordered, declarative rules that shape the final list of one request."""
