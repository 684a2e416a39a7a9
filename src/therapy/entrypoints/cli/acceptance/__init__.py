"""The acceptance check of a deployment: every call of the mobile contract, against any running server."""
