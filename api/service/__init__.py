"""The service itself: whether it answers, and its documentation."""
