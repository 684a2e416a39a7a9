"""Adapters: the code that talks to the outside, each module behind a port."""
