"""Requests: lists that are wanted, and lists that were answered.

request, request_file       one request; a table of them
served_list, list_positions    one answered list; how much its positions count
"""
