"""The local family of adapters: everything on one machine, without any cloud account."""
