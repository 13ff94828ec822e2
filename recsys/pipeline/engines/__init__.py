"""Where blocks of work are done side by side: processes of one machine, actors of a Ray cluster."""
