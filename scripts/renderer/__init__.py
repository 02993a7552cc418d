"""A seeded renderer of labelled images: what the demo reads and the tiny CLIP is trained on."""
