"""Arrays in memory and on disk, and the loops over them; what they mean is for higher rooms to know.

types, npy          what loops take; files
ragged, float16     rows of unequal length; vectors at half the size
membership          which numbers are among others
jit, prefetch       how loops are compiled; rows fetched ahead
"""
