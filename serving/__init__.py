"""The online service: HTTP over the one `Recommender`, with a store of events behind it.

The app
    app, service, settings      the app; everything that its routes share; its settings
    server, workers             run the app, in one process or in several
    responses, errors           answers as JSON; errors as problems
    threads, pool, periodic     all threads of a server; a pool of them with a bounded queue; periodic tasks
    served_list_log             the log of answered lists
    precomputed_lookup          look-ups of the lists of a batch
Its rooms
    routes, schemas             the routes; their bodies and answers
    calls                       what is done for every call, and who may call
    lists                       how a list is made, answered and recorded
    versions                    the versions that answer: loaded, exchanged, kept up to date with the store
    watching                    metrics, traces, the log
    console                     a web page for people
"""
