"""A second invoicing client with formats of its own, and the profile that manages it."""
