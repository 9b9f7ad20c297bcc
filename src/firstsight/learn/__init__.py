"""Learning: the only floor that knows torch."""
