"""How good ranked lists are.

Measuring
    ranking, protocol           lists and targets; a value for every request
    metrics                     one metric in each file
    slices                      kinds of requests
    dial                        what discovery and diversity cost
Judging
    confidence, caveats         intervals and verdicts; what a reader must know
    offpolicy                   estimates from logged propensities
Reporting
    results, summary            all figures of an evaluation; from measurements to these
    report                      a page for people, a room of its own
"""
