"""Permission packages: what both sides know of them, and what a hub does with one."""
