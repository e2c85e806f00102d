"""Reach a PC, locally or by SSH: start the agent there and exchange frames with it."""
