"""The versions that answer, each with the events that came since it was trained.

live                             the live state, and the threads that keep it up to date
served, variants                 which version answers whom
loading, refreshing, on_demand   how a version is loaded; exchanged for another; loaded only to be looked at
following, snapshots             the store is read; events are kept in snapshots
locks                            the locks that such changes hold
"""
