"""What the program asks of the outside: one file and one conversation each.

The docstrings are the contract; `tests/contract` holds every adapter to it. Every call names the
practice first, takes and gives only domain structs, str, bytes, aware datetimes and async
iterators, and may raise `Unavailable` when its store or engine can't be reached.
"""
