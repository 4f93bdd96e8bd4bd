"""What survives: hubs, instances, the lineage of checkpoints, moves, commands and events."""
