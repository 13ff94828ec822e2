"""Other tools of the field compared with recsys: the same requests, rules and metrics, each tuned on validation."""
