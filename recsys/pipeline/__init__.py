"""Requests to lists, and all that learns, measures and retrains along that one path.

One list:       blocks (requests in numbers), sources, live_sources, cold_items, candidates, scoring, ranking, rules,
                item_list; recommend is the class around it, stages its clock, fallback the list where it fails, reasons
                why an item is there; similar is about one item
Training:       train and continued_training, made of training_steps; listable looks whether there is anything to learn,
                encode_ahead reads texts; past_requests, past_scoring and training_rows make the ranker's rows,
                source_choice leaves sources out, rankers fits, item_dropout hides the past of some items, feature_rows
                tells of the columns; feature_report does so without a ranker
Measuring:      evaluate and splits say on which requests; measure ranks them with a past_pipeline and simpler rankings;
                dial, shown and logged ask more
A version:      bundle (files), matching (other data in its numbers), published (for other processes), live_events
Retraining:     retrain on an increment, with new_data and gate as its checks; watch repeats it
Many requests:  batch, deliver; engine promises what processes and ray_cluster (with ray_training) do
Events:         ingest takes them from a stream into the store
"""
