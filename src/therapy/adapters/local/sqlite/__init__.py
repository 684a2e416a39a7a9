"""SQLite: one file in the data directory, the threads that talk to it, and what is kept in it."""
