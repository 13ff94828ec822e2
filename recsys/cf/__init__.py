"""Collaborative models: each learns from a log, and scores all items for any history.

model                          what all models have in common
als, ease                      factors; linear weights between all items
neighbours, transitions        links between items: chosen by the same people; chosen one after the other (over links)
popular, categories, profiles  popularity, of everybody; in the user's categories; among alike users
rhythm, season                 popularity at this time of the week; of the year (over periodic)
prediction                     how well popularity predicts the newest choices: decides how it fades, if times matter
hints                          what acts of weight 0 say of what is wanted
revisits                       what the user comes back to
lifts                          how many times as often as usual: behind profiles and periodic
alike_lifts, pair_lifts        of items by what they have in common; of two groups together
group_choices                  what groups of users chose, lately and ever: behind profiles
users, product, compiled       users as rows; matrix products; compiled loops
"""
