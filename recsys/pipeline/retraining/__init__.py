"""Learning from what came since, unattended.

increment   what came since the served version
new_data    its checks
retrain     trains a challenger, and promotes it or not
gate        its checks against the served version
forgetting  users leave the served version
watch       again and again, with metrics and messages
"""
