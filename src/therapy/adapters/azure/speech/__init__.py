"""Azure Speech: recognition by conversation transcription and Fast Transcription."""
