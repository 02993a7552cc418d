"""What a run has made, as small tables: everything that the report's figures show, and its numbers."""
