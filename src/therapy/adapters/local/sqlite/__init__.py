"""SQLite: one file in the data directory, the threads that use it, and the store and indexes in it."""
