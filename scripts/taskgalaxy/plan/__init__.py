"""What a run will ask, and what that will cost, before it is asked."""
