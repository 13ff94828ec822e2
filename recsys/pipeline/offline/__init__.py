"""Many requests into one file.

batch      ranks them, part by part; parts are what an interrupted run leaves
published  the version as the processes of a run open it
deliver    lists into a store, where a server looks them up
"""
