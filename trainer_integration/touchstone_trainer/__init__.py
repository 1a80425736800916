"""Trainer side of the Touchstone reward service."""
