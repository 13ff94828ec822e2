"""What items say: encoder, vector cache, the history-aware interest model and its fine-tuning."""
