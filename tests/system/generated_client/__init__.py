"""A Python client generated from the published contract plays the story."""
