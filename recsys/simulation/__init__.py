"""A shop with users whose tastes are known, around the real API: how the loop of serving and retraining is proven.

weeks lets them pass, in a world of tastes over a catalogue; server is the real one, arms tells who is served by what,
verdict says what it showed.
"""
