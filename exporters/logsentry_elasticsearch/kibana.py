"""Brings saved objects into Kibana, by its import (https://www.elastic.co/guide/en/kibana/8.19/saved-objects-api-import.html)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from logsentry.sdk import Unavailable
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.kibana_objects import ndjson
from logsentry_elasticsearch.kibana_saved import Object

FILE = "logsentry-kibana.ndjson"


class Kibana(Cluster):
    """Kibana is reached as a cluster is, with the same credentials, but takes no change without a header of its own."""

    def __init__(self, config: Connection) -> None:
        super().__init__(config)
        self._headers = {**self._headers, "kbn-xsrf": "logsentry"}

    def bring(self, objects: Sequence[Object]) -> None:
        """Brings them in; those that are there are replaced.

        Raises `Unavailable` where Kibana refuses the file, or one object of it: it then says which.
        """
        boundary = uuid4().hex
        answer = self.request(
            "POST",
            "/api/saved_objects/_import",
            _form(ndjson(objects), boundary),
            {"overwrite": "true"},
            f"multipart/form-data; boundary={boundary}",
        )
        if answer.status != 200:
            raise Unavailable(f"Kibana at {self.named} does not take the dashboard: {answer.reason()}")
        said = answer.json()
        if not said.get("success"):
            wrong = "; ".join(f"{error.get('id')}: {error.get('error', {}).get('type')}" for error in said.get("errors", []))
            raise Unavailable(f"Kibana at {self.named} does not take these objects: {wrong[:500]}")


def _form(file: bytes, boundary: str) -> bytes:
    """A form of one file (RFC 7578); Kibana asks for a name that ends in `.ndjson`."""
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{FILE}"\r\n'
    return f"{head}content-type: application/ndjson\r\n\r\n".encode() + file + f"\r\n--{boundary}--\r\n".encode()
