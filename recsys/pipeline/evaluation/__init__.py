"""How good a version is, compared with simpler rankings and with itself without one part.

evaluate          which requests a version is measured on
labelled          requests with what was wanted
measure           ranks them by all rankings (see rankings), and summarises
shown             how well a version orders the lists that were shown
logged            what other lists would have earned, by off-policy estimates
dial_curves       what discovery and diversity cost
request_caveats   what a reader of the figures has to know of the log, the requests and the rules
facts             what the report says of the data
"""
