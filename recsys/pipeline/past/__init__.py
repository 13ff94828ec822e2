"""Requests whose outcome is known, asked again as at their moment.

requests holds them and draws from them, log_requests finds them in a log; scoring asks sources about them, pipeline a
whole recommender. strongest_event is what counts as bought.
"""
