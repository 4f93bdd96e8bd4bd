"""The one door to MQTT: to paho and aiomqtt, and to broker processes."""
