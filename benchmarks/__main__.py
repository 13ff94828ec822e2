"""`python -m benchmarks`: all measurements, as tables on standard output."""

from benchmarks import features, quality

features.main()
quality.main()
