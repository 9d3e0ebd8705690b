"""Approvals: what one person proposes and another one decides."""
