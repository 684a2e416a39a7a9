"""Repositories: each record's partitions, ids, stored form and rules in one file, for every store.

They are concrete classes between workflows and the port `store`, because only the store differs. They
return writes, each with the error that its refusal means; a workflow commits them together.
"""
