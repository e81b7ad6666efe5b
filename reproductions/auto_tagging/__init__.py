"""Auto-tagging: which tags a song has, told from its sound; one protocol for every encoder of the papers."""
