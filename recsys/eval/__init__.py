"""How good ranked lists are.

Measuring:  ranking (lists and targets), metrics (one a file), protocol (a value for every request), slices (kinds of
            requests), dial (what discovery and diversity cost)
Judging:    confidence (intervals and verdicts), caveats, offpolicy (estimates from logged propensities)
Telling:    results (all that an evaluation found), summary (from measurements to it), report over report_details,
            report_dials, page, plots and metric_cells
"""
