"""Requests whose outcome is known, asked again as at their moment."""
