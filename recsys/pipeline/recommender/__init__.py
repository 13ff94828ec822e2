"""A version in memory, and the class that answers requests with it.

bundle       all that a version is made of
recommend    the class `Recommender`
blocks       requests in numbers
lists        ranked numbers back to answers
item_list    one answer
reasons      why an item is in a list
fallback     the list when no other can be had
similar      items like one
known_users  ids, pseudonyms, who was forgotten
user_lookup  history and profile of a user, and users by a part of their id
live_events  events and items since the training, into a snapshot and back
loaded_version   a version that reads what a store holds
matching     a data set in the numbers of a version
"""
