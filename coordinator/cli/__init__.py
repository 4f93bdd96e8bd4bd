"""The command line: it asks the coordinator over MQTT, and starts the parts."""
