"""Loops that numpy has no function for, compiled by numba at their first use and kept (see `recsys.arrays.jit`). All
write into arrays that are passed in, and allocate little.

timelines            events of items: running sums, and answers about any moment
cache                answers that are kept, at a moment that moves on
history, pairs       what users did; pairs of a request and a candidate
shown                what users were shown and left alone
matches, affinity    what a candidate has in common with the history; how alike it is to its newest items
attributes           the same by attributes of the items
sources              what sources say of candidates
codes                numbers by which loops know what to do
"""
