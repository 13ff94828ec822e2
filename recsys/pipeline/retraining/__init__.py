"""Unattended learning from the events since the last training.

increment   what came since the served version
new_data    checks of that data; data_drift, whether it looks like before
retrain     trains a challenger, and promotes it or not
gate        checks of the challenger against the served version
forgetting  users who are removed from the served version
watch       retraining again and again
turns       what one turn came to; its message to a webhook, metrics for Prometheus
"""
