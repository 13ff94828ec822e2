"""The report: one HTML page that shows what an evaluation found.

render         the page and its main sections
details        sections behind the figures
dials          what discovery and diversity cost
page           what sections are made of; report.css is their style
plots          plots as inline SVG
metric_cells   metrics as text
finding        the figures in two sentences
"""
