"""Many requests into one file.

batch      ranks them, part by part; parts are what an interrupted run leaves
caught_up  a version with what happened since its training
published  the same as the processes of a run open it
deliver    lists into a store, where a server looks them up
"""
