"""Similarities in torch: the twins of the runtime's, and those that learn; one family a file."""
