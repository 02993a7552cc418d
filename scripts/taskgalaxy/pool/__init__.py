"""The paper's pool of images: what it is made of, whether it is there, and getting it."""
