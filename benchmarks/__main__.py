"""`python -m benchmarks`: all measurements, as tables on standard output."""

from benchmarks import quality

quality.main()
