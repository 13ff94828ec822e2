"""The first stage: models that propose items for a request, and their proposals merged."""
