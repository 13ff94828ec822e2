"""The online service: HTTP over the one `Recommender`, with a store of events behind it.

The app:      app (what is made, and how it ends), service (all that a route works with), settings; server and workers
              run it, protocol and direct are its short ways through uvicorn and FastAPI
A call:       middleware, access (keys, rates, this_machine), routes, schemas, paths, errors
Lists:        answers, cursor, conditions, precomputed (over list_place), variants; list_log is what is written down of
              one, shown the log that it goes to; browse looks around in the catalogue
What answers: live (what the server answers from), served (which version answers whom), loaded_version (one of them);
              loading, refreshing (versions are exchanged), following (the store is read), snapshots, locks; on_demand
Threads:      pool (of calls), periodic (of what is done again and again)
Watching:     metrics, metrics_folder, traces, logs
"""
