"""The field's strongest tools beside ours: the same data, requests, rules and metrics, each tool tuned on validation."""
