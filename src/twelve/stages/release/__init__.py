"""Factor V: slug + config + attachments become release vN, numbered and immutable."""
