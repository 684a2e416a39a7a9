"""The rules of a therapy practice: pure functions and frozen structs, no I/O, no clock, no randomness.

Other projects may import this package with nothing but ``msgspec`` installed. Times are aware UTC
`datetime`s, durations and offsets are integer milliseconds unless a name says otherwise.
"""
