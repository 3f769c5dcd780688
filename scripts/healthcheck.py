"""Exit 0 when the web server of this container answers; for Docker's HEALTHCHECK."""

import http.client
import os
import sys
from urllib.parse import urlsplit


def main() -> int:
    port = int(os.environ.get("WEB_BIND", "127.0.0.1:8000").rpartition(":")[2])
    # The product answers to its public name only.
    host = urlsplit(os.environ.get("PUBLIC_URL") or "http://127.0.0.1").netloc
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
