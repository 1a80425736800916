"""Equality and order of values: exact rationals, residues, enclosures at rising precision, rounding, algebra last."""
