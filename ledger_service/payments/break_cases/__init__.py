"""What people do about breaks of reconciliation: the life of each, from first seen to resolved."""
