"""Learning from what came since, unattended: increment is what came, new_data checks it, retrain learns, gate decides,
and watch does so again and again.
"""
