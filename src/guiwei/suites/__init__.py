"""pytest-testinfra suites, run on the hosts of an inventory."""
