"""All that runs on a device of the network: formats, MQTT, the function's own process, the hub agent."""
