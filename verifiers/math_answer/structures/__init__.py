"""Rules for what has parts: lists, sets, intervals, families, equations, functions, matrices."""
