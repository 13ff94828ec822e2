"""The ranker's columns: declared once, computed by the same code for past requests and live ones.

Declared
    declarations                every feature, one a line
    configured, feature_set     those of a config; those of a version
Computed
    kinds                       how a feature is computed
    pairs                       what it may look at
    statistics                  how a feature is distributed, and how far two windows differ in it
The past
    state                       all events, as of any moment
    segment, segment_files      the parts of that state; the same on disk
    questions, measures         what is asked about items, and the columns that answer it
    item_cache                  answers that are kept while serving
The items
    item_facts                  their properties: category, price, vectors, links
    attributes                  columns without a meaning of their own: an author, a size
    attribute_kinds, lines      what such columns are; lines of items, such as the volumes of a series
    credibility                 how wanted groups of items are, as far as that can be believed
    affinity                    how alike candidates are to the newest items of a history
Loops
    loops                       what numpy has no function for, compiled
"""
