"""For tests of whoever builds on this library: an outside in memory, and contract suites of the ports."""
