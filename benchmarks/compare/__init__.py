"""`make bench-compare`: this service beside a reference and beside bare limits, in one run and one table."""
