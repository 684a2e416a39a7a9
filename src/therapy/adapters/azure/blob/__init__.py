"""Recordings in Azure Blob Storage."""
