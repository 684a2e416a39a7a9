"""Workflows: what people and workers do, one file each, as plain `async def` functions over the ports.

Each takes who is asking (`actor`) and, by keyword, the records and ports that it uses; `installation` puts
these together. Nothing here knows HTTP, SQL or a vendor.
"""
