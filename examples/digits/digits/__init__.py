"""Handwritten digits: 8 by 8 pixels in, a label and its probabilities out."""
