"""The command line: one file a verb, each of which parses, builds the config and calls one function.

main                                  all verbs
options, destinations                 flags that several verbs share; files that one writes
lists, figures, output, progress      how answers look
streams, interruptions                standard output and error; Ctrl-C and signals
"""
