"""What answers: the versions of a registry, each with the events that came since it was trained.

live                        what the server answers from
served, loaded_version      which version answers whom; one of them
loading, refreshing, on_demand   versions are loaded; exchanged; looked at
following, snapshots        the store is read; events are kept in snapshots
locks                       what is held meanwhile
"""
