"""A shop with users whose tastes are known, around the real API: how the loop of serving and retraining is proven."""
