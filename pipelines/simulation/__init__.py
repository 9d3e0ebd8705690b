"""A seeded pan-African economy: input files for the day, and the planted truth apart from them."""
