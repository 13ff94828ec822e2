"""Requests whose outcome is known, asked again as at their moment.

log_requests     finds them in a log
requests         holds them, and draws from them; request_parts, what each holds
scoring          asks sources, or a whole recommender, about them
strongest_event  what counts as bought
"""
