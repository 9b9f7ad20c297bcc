"""Applications: what is made of galleries and models beyond asking them."""
