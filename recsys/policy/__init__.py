"""Ordered, declarative rules that shape the final list of one request: policy applies steps to candidates.

Rules:  steps (availability, seen and excluded items), filters, boosts, discovery, diversity, pins, shares (caps,
        quotas, fresh items; selection fills a list under all of them), exploration
"""
