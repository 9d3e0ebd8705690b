"""What takes two people: proposals over HTTP, and their decisions."""
