"""What the pieces of a format string stand for: Apache's `%` directives and nginx's variables, by the names of `visit.NAMES`.

After Apache's "mod_log_config, Custom Log Formats" and nginx's "ngx_http_log_module", "ngx_http_core_module, Embedded Variables". A
piece that is no part of a visit in ECS (`""` here) is kept under its own name in `http_access.values`.
"""

from __future__ import annotations

APACHE = {
    "a": "client", "h": "client", "A": "server", "B": "body_bytes", "b": "body_bytes", "D": "microseconds", "f": "",
    "H": "version",
    "k": "", "L": "request_id", "l": "ident", "m": "method", "p": "server_port", "P": "pid", "q": "query", "r": "request",
    "R": "",
    "s": "status", "S": "", "T": "seconds", "t": "time", "u": "user", "U": "stem", "v": "vhost", "V": "vhost", "X": "",
    "I": "request_bytes", "O": "sent_bytes",
}  # fmt: skip
APACHE_NAMED = {"i": "", "o": "", "e": "", "C": "", "n": "", "x": "", "^ti": "", "^to": ""}
APACHE_WITH_NAME = {
    ("c", "a"): "client", ("c", "h"): "client", ("remote", "p"): "client_port", ("local", "p"): "server_port",
    ("canonical", "p"): "server_port",
    ("ms", "T"): "milliseconds", ("us", "T"): "microseconds", ("s", "T"): "seconds", ("pid", "P"): "pid", ("tid", "P"): "",
    ("hextid", "P"): "",
    ("referer", "i"): "referrer", ("user-agent", "i"): "agent", ("x-forwarded-for", "i"): "forwarded", ("host", "i"): "vhost",
    ("x-request-id", "i"): "request_id", ("ssl_protocol", "x"): "tls_version", ("ssl_cipher", "x"): "tls_cipher",
    ("ssl_tls_sni", "x"): "sni",
    ("unique_id", "e"): "request_id",
}  # fmt: skip
NGINX = {
    "remote_addr": "client", "remote_port": "client_port", "remote_user": "user", "time_local": "time",
    "time_iso8601": "time", "msec": "time",
    "request": "request", "request_method": "method", "request_uri": "target", "uri": "stem", "document_uri": "stem",
    "args": "query",
    "query_string": "query", "server_protocol": "version", "status": "status", "body_bytes_sent": "body_bytes",
    "bytes_sent": "sent_bytes",
    "request_length": "request_bytes", "request_time": "seconds", "http_referer": "referrer", "http_user_agent": "agent",
    "http_x_forwarded_for": "forwarded", "proxy_add_x_forwarded_for": "forwarded", "host": "vhost", "http_host": "vhost",
    "server_name": "vhost", "server_addr": "server", "server_port": "server_port", "upstream_addr": "upstream",
    "request_id": "request_id",
    "req_id": "request_id", "ssl_protocol": "tls_version", "ssl_cipher": "tls_cipher", "ssl_server_name": "sni",
    "scheme": "scheme",
    "pid": "pid", "the_real_ip": "client",
}  # fmt: skip
