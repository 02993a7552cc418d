"""The report's figures: each is drawn by a function of its own from a small table."""
