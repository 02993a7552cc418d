"""The tiny CLIP of the offline default: how it is trained on rendered images, and how it is measured."""
