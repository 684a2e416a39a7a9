"""Azure AI Language: sentiment and insights."""
