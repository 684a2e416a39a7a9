"""What went wrong, the likely cause and the fix, in words for an operator."""
