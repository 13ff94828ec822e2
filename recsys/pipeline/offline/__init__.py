"""Offline batch ranking: many requests into one file, and from there to where lists are looked up."""
