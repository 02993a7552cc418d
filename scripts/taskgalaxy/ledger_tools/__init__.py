"""What a person can do with a ledger: check it, add it up, copy it, join it with another."""
