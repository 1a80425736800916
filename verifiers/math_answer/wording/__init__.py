"""What words say: fixed phrases, options of a choice, and the question's own instructions."""
