"""Speech recognition on this machine: Whisper and a speaker encoder in a process of their own."""
