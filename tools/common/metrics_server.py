# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An HTTP server for Prometheus: what a collector says, whenever it is asked."""

import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: the log has other aims."""


class _Server(ThreadingMixIn, WSGIServer):
    """Without names: WSGIServer would ask DNS who it is."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Quiet)

    def server_bind(self) -> None:
        """Bind, and take the address itself as the name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class MetricsServer:
    """An HTTP server in threads of its own."""

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        """OSError: the address is not here, or the port is taken."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(collector)
        self._server = _Server(address)
        self._server.set_app(make_wsgi_app(registry))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)
