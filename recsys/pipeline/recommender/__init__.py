"""A version in memory, and the class that answers requests with it."""
