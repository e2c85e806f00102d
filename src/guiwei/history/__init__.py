"""The history of runs: SQLite on the controller; only the coordinator writes it."""
