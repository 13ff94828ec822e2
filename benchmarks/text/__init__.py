"""The text model alone: rankings from text (rows, of rankings, over worlds), new items (cold), encoding speed."""
