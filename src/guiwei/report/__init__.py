"""Values and events as people and programs read them: a terminal and JSON, in Chinese and English."""
