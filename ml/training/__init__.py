"""Training: labelled loans as known when each was applied for, and the models learnt from them."""
