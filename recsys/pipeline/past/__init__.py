"""Requests whose outcome is known, replayed as of their moment.

log_requests     finds them in a log
requests         holds them, and draws from them; request_parts, what each holds
scoring          scores and ranks them with fitted sources and rankers
strongest_event  what counts as bought
"""
