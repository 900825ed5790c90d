"""Tables of other systems become facts: files, mappings, and what is sent of them."""
