"""Verifiers of answers that have a right solution. Standard library and mathematics only: no HTTP, no clock."""
