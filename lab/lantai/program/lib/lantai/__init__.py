"""The invoicing client 兰台开票 (Lantai)."""
