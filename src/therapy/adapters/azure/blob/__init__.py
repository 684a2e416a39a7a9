"""Azure Blob Storage: the recordings."""
