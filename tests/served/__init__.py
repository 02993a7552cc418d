"""A chat completions server that this project did not write, and the workflow run against it."""
