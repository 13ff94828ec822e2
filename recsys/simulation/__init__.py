"""A shop with users whose tastes are known, around the real API: how the loop of serving and retraining is proven.

weeks      lets weeks pass
world      the users and their tastes
catalogue  the items
server     the real one
arms       who is served by what
verdict    what it showed
"""
