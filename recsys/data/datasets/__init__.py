"""Official files of public data sets to the tables of a dataset directory.

known, source       all of them; what one is, and how its directory is written
fetch               official files at hand
amazon, completejourney, mind, movielens, online_retail   one each
"""
