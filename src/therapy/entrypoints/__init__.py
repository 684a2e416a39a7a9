"""The entry points: HTTP, the worker, and the command line."""
