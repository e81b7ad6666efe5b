"""What is expected of plays, and what was observed: the only package that knows Great Expectations."""
