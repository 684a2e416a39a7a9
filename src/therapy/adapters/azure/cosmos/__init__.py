"""Azure Cosmos DB: one client, four containers, and how ours are laid out in them.

`client.open_cosmos` opens it from plain values; the adapters, in the files that are called like their
ports, are given what that yields. No SDK type leaves this package and the SDK's errors become the
domain's in `errors.cosmos_errors`. No call of a port asks all partitions; what each costs is in
docs/reference/cosmos.md.
"""
