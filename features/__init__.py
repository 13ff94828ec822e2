"""The ranker's columns: declared once, computed by the same code for past requests and live ones.

Declared:   declarations (every feature, one a line), configured (those of a config), feature_set (a version's)
Computed:   kinds (how a feature is computed), over pairs (what it may look at)
The past:   state (all events, at any moment), of segments (segment, segment_files); questions about measures over
            timelines, item_cache
The items:  item_facts, further_columns (those that only these items have), affinity to the newest items of a history
Reports:    statistics (how a feature is distributed, and how far two windows differ in it)

Files named compiled_* hold the loops, codes the numbers by which these know what to do.
"""
