"""What people and workers do, one file per thing done: plain `async def` functions over the ports.

Each takes who asks (`actor`), and by keyword the records and ports that it uses; `installation` puts them
together. Nothing here knows HTTP, SQL or a vendor.
"""
