"""How good ranked lists are: metrics over targets (ranking, protocol), intervals and verdicts (confidence), estimates
from logged propensities (offpolicy), and the report of it all (results, report)."""
