"""Backups of a data directory: one file with the database, the recordings and the signing secret.

A backup is a tar of `backup.json` (what it is), `key.age` (with a passphrase only) and `content.tar`, or
`content.tar.age`. Tar, age and sha256sum unpack and check it without this program, too.
"""
