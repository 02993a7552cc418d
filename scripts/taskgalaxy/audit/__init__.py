"""The audit: people judge a stratified draw, and that says how far the referees are to be believed."""
