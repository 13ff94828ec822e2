"""Tables from files and requests to checked columns, whatever these are of.

files, csv_file, jsonl_file     found in a folder; opened
table, schema                   what is not read yet; which columns there are
parsing, validation             cells to values; which cells are wrong
rejections                      bad rows set aside
attributes, item_columns        columns without a meaning of their own; values from JSON as columns
"""
