"""The command line: one file a verb, each of which parses, builds the config and calls one function.

main is the whole of it; options are flags that several verbs share, destinations the files that one writes; lists,
figures, output and progress are how answers look, streams and interruptions what surrounds them.
"""
