"""Windows branch PCs on a Linux machine: Wine with the Chinese code page, and a real Windows CPython in it.

What was seen here was seen under Wine, not under Windows.
"""
