"""Where known firmware speaks, as narrowly as can be: what the coordinator listens to for `midstream devices`.

Pictures, maps and logs are left out, and of Victron, which sends thousands of values, settings and inner workings: the
broker's work and the network are the owner's. What speaks elsewhere is named in ``[devices] topics``.
"""

from __future__ import annotations

from typing import Final

LISTENED: Final = (
    "tele/#", "stat/#", "tasmota/discovery/#",
    "zigbee2mqtt/#",
    "shellies/#", "+/events/rpc", "+/status/+", "+/online",
    "+/+/+/state", "+/+/+/+/state", "+/status", "statestream/+/+/unit_of_measurement",  # ESPHome, and Home Assistant's statestream
    "homeassistant/#",
    "homie/#",
    "spBv1.0/#", "STATE/+",
    "home/+/LWT", "home/+/BTtoMQTT/#", "home/+/SYStoMQTT", "home/+/433toMQTT", "home/+/RTL_433toMQTT/#", "home/home_presence/+",
    "frigate/available", "frigate/stats", "frigate/events", "frigate/+/+",
    "nut2mqtt/#", "nut/#", "ups/#",
    "glances/#", "telegraf/#", "psmqtt/#", "rpi-MQTT-monitor/#", "collectd/#", "$SYS/broker/#",
    "valetudo/+/$state", "valetudo/+/BatteryStateAttribute/+", "valetudo/+/StatusStateAttribute/+",
    "valetudo/+/WifiConfigurationCapability/+", "valetudo/+/ConsumableMonitoringCapability/+", "valetudo/+/CurrentStatisticsCapability/+",
    "wled/#",
    "msh/#",
    "owntracks/+/+", "owntracks/+/+/event",
    "rtl_433/#",
    "N/+/heartbeat", "N/+/system/#", "N/+/battery/#", "N/+/grid/#", "N/+/pvinverter/#", "N/+/solarcharger/#", "N/+/tank/#", "N/+/temperature/#",
    "zwave/#",
    "evcc/#",
)  # fmt: skip
"""Topic filters of MQTT."""
