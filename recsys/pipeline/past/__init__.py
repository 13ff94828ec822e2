"""Requests whose outcome is known, asked again as at their moment.

requests holds them and draws from them, log_requests finds them in a log; scoring asks sources, or a whole recommender,
about them. strongest_event is what counts as bought.
"""
