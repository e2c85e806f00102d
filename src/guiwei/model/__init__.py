"""Frozen values that the stages hand to each other; no behaviour beyond looking at themselves."""
