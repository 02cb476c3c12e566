"""Stand-ins for other companies' services: each runs in a process of its own and speaks that company's protocol.

Nothing here imports the shop and the shop imports nothing from here; the two meet over HTTP only.
"""
