"""Simulated devices: each after its firmware's documents and recorded messages, not after our parser.

They keep their firmware's QoS and retain flag, mostly QoS 0: what a demo proves with them must hold for the devices on
the shelf, and must not prove what a user's broker does not give.
"""
