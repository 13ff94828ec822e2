"""The second stage: features, ranker and policy turn the candidates of a block of requests into ordered lists."""
