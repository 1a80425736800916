"""Client of the Touchstone reward service."""
