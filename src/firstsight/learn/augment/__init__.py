"""Augmentation on whole batches of tensors; one family a file."""
