"""Conditions on measured numbers, for the coordinator's rules and for a hub that judges alone; time is an argument."""
