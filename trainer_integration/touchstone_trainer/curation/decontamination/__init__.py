"""Training rows that are a benchmark's questions in other words: found, reported, left out."""
