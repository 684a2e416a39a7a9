"""Azure Cosmos DB: one client, four containers, and the layout of our documents in them.

`client.open_cosmos` opens it from plain values and yields what the adapters take, which are in files named
for their ports. No SDK type leaves this package, and `errors.cosmos_errors` turns SDK errors into domain
errors. No request queries across partitions: only `Store.walk` does, and a worker's reads of many sessions
(`list_many`); docs/reference/cosmos.md says what each call costs.
"""
