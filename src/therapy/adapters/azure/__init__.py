"""The Azure family: Cosmos DB, Blob storage, Speech and Language behind the ports.

Each is opened from plain values by an async context manager and closed by it. Nothing is made when a
module is imported, no SDK type leaves this package, and SDK exceptions become the domain's errors.
"""
