"""The earlier stack, written small, to measure ours beside it: Flask, gunicorn, Celery, Redis, the same SDKs.

It has an environment of its own, `.tools/reference` (`make .tools/reference/.installed`), and imports
nothing of `therapy`. docs/adr/039-reference.md says what it is faithful to and what not.
"""
