"""Ids (the caller's strings) to numbers and back.

vocabulary    an ordered set of ids
id_table      many ids in a few arrays, which processes share
"""
