"""Recognition by Azure Speech: conversation transcription and Fast Transcription."""
