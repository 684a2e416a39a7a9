"""Records, written once for every store: partitions, ids, stored form and rules of each in one file.

Repositories stand between workflows and the port `store`. They are concrete classes: the store is what
differs. They return writes with the error that each refusal means; a workflow commits them together.
"""
