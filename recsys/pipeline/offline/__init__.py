"""Offline batch ranking: many requests into one file (batch), and from there to where lists are looked up (deliver).

published is a version as the processes of a batch run open it.
"""
