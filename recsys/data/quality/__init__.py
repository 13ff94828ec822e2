"""Data that can be read, but may be a mistake: a warning for each such thing, that says what it is and what to do.

tables, ids   tables as a whole; ids, before pseudonyms replace them
items, events what the items hold; what the events hold, once they are a log
positions     where positions of lists begin, and how far they may decide what is chosen
"""
