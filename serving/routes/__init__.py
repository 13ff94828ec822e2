"""The routes: each takes a request apart, calls one thing, and writes the answer."""
