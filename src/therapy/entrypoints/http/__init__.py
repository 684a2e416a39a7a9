"""The API over HTTP: handlers decode, call one workflow, encode."""
