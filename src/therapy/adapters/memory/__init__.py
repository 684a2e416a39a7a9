"""Every port in memory, for tests and other projects. Records are encoded and decoded as in any store."""
