"""The gates between a plan and a PC: each says why not, or nothing."""
