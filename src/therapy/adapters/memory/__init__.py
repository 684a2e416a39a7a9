"""The fakes: every port in memory, for tests and for other projects. They encode and decode."""
