"""The reference invoicing client 兰台开票 (Lantai) and what a test needs to put it on a PC, feed it, and break it."""
