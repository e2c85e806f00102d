"""Resource types: one file each, found by its name; ships to the managed PC."""
