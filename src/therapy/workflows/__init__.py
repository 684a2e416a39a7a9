"""What people and workers do, one file per thing done: plain `async def` functions over the ports.

Each takes who asks (`actor`) and the `desk` it works at. Nothing here knows HTTP, SQL or a vendor.
"""
