"""Ordered, declarative rules that shape the final list of one request.

policy, steps, candidates      steps applied one after the other to candidates
filters                        conditions on items
boosts, discovery, diversity   scores changed
pins, shares, selection        positions given: to single items; to caps, quotas and fresh items
exploration                    chance, with its probabilities
"""
