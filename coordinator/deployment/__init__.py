"""Who may touch what on a hub: read from a site file, planned, packed, brought there."""
