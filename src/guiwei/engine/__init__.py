"""From what is wanted to what was done on one host, and over many: observe, diff, plan, apply, verify."""
