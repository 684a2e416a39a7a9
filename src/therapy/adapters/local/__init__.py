"""The embedded family: what runs on one machine, without any cloud account."""
