"""How good a version is, beside simpler rankings and itself without one part.

evaluate chooses the requests, window finds those of a log, labelled is how they are handed on. measure has them ranked
by all rankings (rankings); caveats are what a reader of the figures has to know, facts what is known of the data. shown
and logged ask otherwise: how what was shown is ordered, and what another list would have earned. dial is what discovery
and diversity cost.
"""
