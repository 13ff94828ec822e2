"""Groups of items or users that have something in common: a brand, a town, a price range, a word of the title.

membership                  which rows are in which groups, by the values of their columns
paths, references           columns that are paths; those that name other rows
tenths, words               numbers and texts as names of groups
"""
