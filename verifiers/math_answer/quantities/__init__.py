"""Numbers in words, units of measure, dates and times."""
