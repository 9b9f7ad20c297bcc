"""Reports: plots and self-contained pages."""
