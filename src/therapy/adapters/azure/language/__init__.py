"""Sentiment and insights by Azure AI Language."""
