"""`python -m benchmarks`: speed of features, and quality compared with simpler rankings, as tables."""

from benchmarks import features, quality

features.main()
quality.main()
