"""From all the model wrote to its final answer, and what a final sentence claims."""
