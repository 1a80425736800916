"""A balanced, varied set of sound questions out of many."""
