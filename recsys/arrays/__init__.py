"""Arrays in memory and on disk, and loops over them, whatever the arrays mean.

types, npy          types of arrays in loops; files
ragged, float16     rows of unequal length; vectors at half the size
membership          which numbers are among others
jit, prefetch       how loops are compiled; rows fetched ahead
"""
