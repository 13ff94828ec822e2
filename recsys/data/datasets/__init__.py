"""Official files of public data sets to the tables of a dataset directory. `known` lists them, `source` is one."""
