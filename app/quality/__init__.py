"""Quality, scored live: rules that score traces as they come, and what they say of late."""
