"""How alike two questions are: by their characters, their words, their numbers, their meaning."""
