"""Learning from what came since, unattended: checks of the new data, a gate for the result, and the watch."""
