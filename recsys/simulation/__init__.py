"""A shop of simulated users, whose tastes are known, around the real API: a test of serving and retraining together.

weeks      the simulation, week by week
world      the users and their tastes
catalogue  the items
server     the real server, as a process
arms       which users are served by which ranking
verdict    the result in figures
"""
