"""Requests to lists, and all that learns, measures and retrains along that one path.

One list:       blocks (requests in numbers), sources, cold_items, candidates, scoring, ranking, rules, item_list;
                recommend is the class around it, fallback the list where it fails, reasons why an item is there
Training:       train and continued_training, made of training_steps; past_requests, past_scoring and training_rows
                make the ranker's rows, rankers fits on them, item_dropout hides the past of some items
Measuring:      evaluate and splits say on which requests, measure what of a past_pipeline, by the lists of all its
                rankings; dial, shown, logged ask more
A version:      bundle (files), matching (other data in its numbers), published (for other processes), live_events
Retraining:     retrain on an increment, with new_data and gate as its checks; watch repeats it
Many requests:  batch, deliver; engine promises what processes and ray_cluster do
"""
