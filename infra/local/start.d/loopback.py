"""Keep LocalStack's server on loopback.

It listens on every interface, whatever the address in GATEWAY_LISTEN. LocalStack runs this file in
its own process before it listens.
"""

import functools

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint = functools.partial(
    endpoints.TCP4ServerEndpoint, interface="127.0.0.1"
)
