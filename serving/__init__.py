"""The online service: HTTP over the one `Recommender`, with a store of events behind it.

The app
    app, service, settings      what is made; all that a route works with; what a server needs to know
    server, workers             run it
    protocol, direct            limits of uvicorn, and a shortcut through FastAPI
A call
    middleware, errors          what is done for every call; errors as problems
    access, keys, rates, this_machine   who may call, and how often
    routes, schemas, paths      what is called; bodies and answers; ids in paths
Lists
    answers, cursor, conditions how a list is made and answered; pages; wrong filters
    precomputed, list_place     lists of a batch
    variants                    which variant answers whom
    list_log, shown             what is recorded of a list, and the log that it goes to
    browse                      looking around in the catalogue
What answers
    live                        what the server answers from
    served, loaded_version      which version answers whom; one of them
    loading, refreshing, on_demand   versions are loaded; exchanged; looked at
    following, snapshots        the store is read; events are kept in snapshots
    locks                       what is held meanwhile
Threads
    threads, pool, periodic     of which kinds; one kind, for calls; what is done again and again
Watching
    metrics, metrics_folder, traces, logs
"""
