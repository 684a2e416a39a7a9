"""The HTTP API: handlers decode, call one workflow, encode."""
