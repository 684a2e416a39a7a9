"""The Azure family of adapters: Cosmos DB, Blob Storage, Speech and Language.

Async context managers open each from plain values and close it. Importing a module creates nothing, no SDK
type leaves this package, and SDK exceptions become domain errors.
"""
