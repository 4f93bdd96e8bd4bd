# The types of the front door. PEP 561 gives a single module no way to say that it is typed, so the wheel carries this
# file as the stub package of `midstream`.
from devices.runtime.context import ctx as ctx
from devices.runtime.function import function as function
from devices.runtime.message import Message as Message
from devices.runtime.per_hub import per_hub as per_hub
from devices.runtime.subscription import Subscription as Subscription
