"""The strongest tools of the field beside ours: the same requests, rules and metrics, each tuned on validation."""
