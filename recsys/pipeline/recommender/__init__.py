"""A version in memory (bundle), and the class that answers requests with it (recommend).

A list:  blocks (requests in numbers), lists (from numbers to the answer, an item_list), reasons, fallback (when no
         other list can be had)
Else:    known_users (ids, pseudonyms, who was forgotten), similar items, live_events (what came since, into a snapshot
         and back), matching (a data set in the numbers of a version)
"""
