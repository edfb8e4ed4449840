"""Actions while their connections to the database are ended under them: all of one takes effect, or nothing."""

import random
import threading
import time
import traceback

from people import new_email, new_password
from waiting import PATIENCE

SECONDS = 8
PEOPLE = 5
# Ends one of the ingress's connections, of those that are in the middle of something rather than of those that are not.
END_ONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = 'billd_api' AND pid <> pg_backend_pid() AND (state <> 'idle' OR random() < 0.2)
ORDER BY random() LIMIT 1
"""
# What would be left of an action of which a part took effect.
PARTS = {
    "a user without its line in the audit log": """
        SELECT count(*) FROM identity.users u WHERE NOT EXISTS
            (SELECT FROM identity.audit_log a WHERE a.action = 'user.register' AND a.resource_id = u.id)""",
    "a line in the audit log without its user": """
        SELECT count(*) FROM identity.audit_log a WHERE a.action = 'user.register' AND NOT EXISTS
            (SELECT FROM identity.users u WHERE u.id = a.resource_id)""",
    "a session without its line": """
        SELECT count(*) FROM identity.sessions s WHERE NOT EXISTS
            (SELECT FROM identity.audit_log a WHERE a.action = 'session.login' AND a.resource_id = s.id)""",
    "a log-out without its line": """
        SELECT count(*) FROM identity.sessions s WHERE s.reason = 'logout' AND NOT EXISTS
            (SELECT FROM identity.audit_log a WHERE a.action = 'session.logout' AND a.resource_id = s.id)""",
    "a session with other than one good token": """
        SELECT count(*) FROM identity.sessions s WHERE 1 <>
            (SELECT count(*) FROM identity.refresh_tokens t WHERE t.session_id = s.id AND t.used_at IS NULL)""",
}


class Somebody:
    """Registers, logs in, refreshes and logs out, again and again; keeps what was told of it."""

    def __init__(self, stack):
        self.stack, self.told, self.odd = stack, {}, []

    def keep(self, answer, *expected):
        """Whether it went well; 503 may come at any time."""
        if answer.status_code not in (*expected, 503):
            self.odd.append(answer.text)
        return answer.status_code == expected[0]

    def live_once(self):
        person = self.stack.nobody(email=new_email("somebody"), password=new_password())
        answer = person.try_register()
        doubt = answer.status_code == 503 and "may have taken effect" in answer.json()["detail"]
        self.told[person.email] = "in doubt" if doubt else answer.status_code
        if not self.keep(answer, 201):
            return
        answer = person.try_log_in()
        if not self.keep(answer, 200):
            return
        person.take(answer.json())
        for _ in range(3):
            answer = person.try_refresh()
            if not self.keep(answer, 200):
                break
            person.take(answer.json())
        body = {"refresh_token": person.refresh_token}
        self.keep(person.request("POST", "/v1/auth/logout", body, headers={"Authorization": None}), 204)

    def live(self, until):
        try:
            while time.monotonic() < until:
                self.live_once()
        except Exception:
            self.odd.append(traceback.format_exc())


def test_connections_that_end_leave_no_half_actions(stack):
    """No part of one is left; who was told 201 is there, and who was told 503 is not, unless told that it may be."""
    until = time.monotonic() + SECONDS * PATIENCE
    people = [Somebody(stack) for _ in range(PEOPLE)]
    threads = [threading.Thread(target=person.live, args=(until,)) for person in people]
    for thread in threads:
        thread.start()
    ended = 0
    with stack.connect("api") as connection:
        while time.monotonic() < until:
            ended += len(connection.execute(END_ONE).fetchall())
            time.sleep(random.uniform(0.05, 0.2))
    for thread in threads:
        thread.join()
    assert [text for person in people for text in person.odd] == []
    told = {email: status for person in people for email, status in person.told.items()}
    there = set(stack.superuser("SELECT email FROM identity.users WHERE email LIKE 'somebody.%'").split())
    assert ended >= 10 and len(there) >= 10, (ended, len(there))
    assert {email for email, status in told.items() if status == 201} <= there
    assert {email for email, status in told.items() if status == 503} & there == set()
    left = {what: int(stack.superuser(statement)) for what, statement in PARTS.items()}
    assert left == dict.fromkeys(PARTS, 0)
