"""Pretrained networks: opened as data, run as they are, their features kept; torch modules that learn on."""
