"""The acceptance check of a deployment: every call in the mobile contract, against any running server."""
