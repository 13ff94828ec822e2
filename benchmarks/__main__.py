"""`python -m benchmarks`: speed of features and quality beside simpler rankings, as tables on standard output."""

from benchmarks import features, quality

features.main()
quality.main()
