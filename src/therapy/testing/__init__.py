"""For tests of whoever builds on this library: a complete outside in memory, and contract suites of the ports."""
