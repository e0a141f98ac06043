"""Uses a client that was made from the OpenAPI document: what somebody would do first with it.

Makes a token, uploads a dump that the server has not seen, waits until it is analysed, reads the crash, turns the
pages of a list, and reads a ranking.
"""

import io
import os
import struct
import sys
import time
from uuid import UUID

from stopcode_client import AuthenticatedClient
from stopcode_client.api.crashes import get_crash, list_crashes
from stopcode_client.api.dumps import get_dump, raw_dump
from stopcode_client.api.sending import upload_dumps
from stopcode_client.api.stop_codes import get_stop_code_suspects, list_stop_codes
from stopcode_client.api.tokens import create_token, revoke_token
from stopcode_client.models import NewToken, Problem, Scope
from stopcode_client.types import File

# Where a 64-bit kernel dump has the time of its stop, in units of 100 ns.
SYSTEM_TIME = 0xFA8


def signed_in(url, token):
    """A client with a token that raises on answers which are not in the document."""
    return AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)


def a_new_dump(admin):
    """The bytes of a dump that the server has, stopped some milliseconds later: another dump."""
    crashes = list_crashes.sync(client=admin, limit=500).items
    known = next(crash for crash in crashes if crash.dump_id and crash.kind == "kernel")
    dump = bytearray(raw_dump.sync_detailed(UUID(str(known.dump_id)), client=admin).content)
    (stopped,) = struct.unpack_from("<Q", dump, SYSTEM_TIME)
    struct.pack_into("<Q", dump, SYSTEM_TIME, stopped + 10_000 * (1 + time.time_ns() % 60_000))
    return bytes(dump)


def finished(client, dump):
    """The dump when it is analysed."""
    for _ in range(300):
        found = get_dump.sync(dump, client=client)
        if found.state in ("done", "failed"):
            return found
        time.sleep(0.2)
    raise TimeoutError(f"dump {dump} is still {found.state}")


def main(url):
    admin = signed_in(url, os.environ["STOPCODE_TOKEN"])
    wish = NewToken(name="a generated client", scopes=[Scope.READ, Scope.UPLOAD])
    made = create_token.sync(client=admin, body=wish)
    client = signed_in(url, made.token)

    body = File(payload=io.BytesIO(a_new_dump(admin)))
    uploaded = upload_dumps.sync(client=client, body=body, machine="generated-client")
    dump = finished(client, uploaded.dumps[0].id)
    assert dump.state == "done", dump.error
    crash = get_crash.sync(dump.crash_id, client=client)
    assert crash.machine == "generated-client", crash.machine
    print(f"uploaded, analysed: {crash.signature}")

    seen, cursor, pages = set(), None, 0
    while True:
        page = list_crashes.sync(client=client, limit=20, **({"cursor": cursor} if cursor else {}))
        seen.update(crash.id for crash in page.items)
        pages, cursor = pages + 1, page.next_cursor
        if cursor is None:
            break
    assert crash.id in seen and pages > 1, f"{pages} pages"
    print(f"{len(seen)} crashes on {pages} pages")

    codes = list_stop_codes.sync(client=client).items
    ranking = get_stop_code_suspects.sync(codes[0].code, client=client)
    print(f"{ranking.stop_code}: {ranking.verdict}, {len(ranking.suspects)} suspects")

    refused = list_crashes.sync(client=client, stop_code="not-a-code")
    assert isinstance(refused, Problem) and refused.type_ == "invalid-request", refused
    assert revoke_token.sync_detailed(made.id, client=admin).status_code == 204
    gone = list_crashes.sync(client=client)
    assert isinstance(gone, Problem) and gone.type_ == "unauthorized", gone


if __name__ == "__main__":
    main(sys.argv[1])
