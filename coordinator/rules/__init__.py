"""Rules: from files in a folder, over facts, to firings and what is wanted because of them."""
