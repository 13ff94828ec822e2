"""How good ranked lists are.

Measuring
    ranking, protocol           lists and targets; a value for every request
    metrics                     one a file
    slices                      kinds of requests
    dial                        what discovery and diversity cost
Judging
    confidence, caveats         intervals and verdicts; what a reader must know
    offpolicy                   estimates from logged propensities
Telling
    results, summary            all that an evaluation found; from measurements to it
    report                      a page for people, a room of its own
"""
