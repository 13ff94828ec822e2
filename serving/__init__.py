"""The online service: HTTP over the one `Recommender`, with a store of events behind it.

The app
    app, service, settings      what is made; all that a route works with; what a server needs to know
    server, workers             run it
    errors                      errors as problems
    threads, pool, periodic     kinds of threads; one kind, for calls; what is done again and again
Its rooms
    routes, schemas             what is called; bodies and answers
    calls                       what is done for every call, and who may call
    lists                       how a list is made, answered and recorded
    versions                    what answers: versions are loaded and exchanged, and follow the store
    watching                    metrics, traces, the log
    console                     a web page for people
"""
