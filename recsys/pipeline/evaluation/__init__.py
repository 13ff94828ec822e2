"""How good a version is, beside simpler rankings and itself without one part.

evaluate chooses the requests, window finds those of a log, measure ranks them by all rankings; caveats are what a
reader of the figures has to know. shown and logged ask otherwise: how what was shown is ordered, and what another list
would have earned. dial is what diversity costs.
"""
