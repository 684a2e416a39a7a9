"""Adapters: everything that talks to the outside, each behind a port."""
