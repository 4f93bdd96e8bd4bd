"""What arrives: telemetry, hubs, checkpoints, requests."""
