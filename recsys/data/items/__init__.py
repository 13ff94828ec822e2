"""Items: their catalogue, and what comes, changes and goes.

catalogue               the items, in the order of their numbers
items_table             the item table to a catalogue
item_changes, halving   items added, changed and withdrawn later; entries that do not fit are found by halving
item_past               how often each was wanted, and how long it was there
"""
