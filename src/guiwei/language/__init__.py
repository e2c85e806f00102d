"""YAML with positions, inventories, patterns and vault: everything a user writes becomes the model here."""
