"""People and what they hold: users with their tokens, and organisations with a member and a key of each role."""

import itertools
import secrets

from client import Client

ROLES = ("viewer", "billing", "admin", "owner")  # from the least to the most
numbers = itertools.count(1)
run = secrets.token_hex(4)  # emails of one run are not those of another on the same database


def new_email(name="ada"):
    return f"{name}.{next(numbers)}.{run}@example.com".lower()


def new_password():
    return secrets.token_urlsafe(18)


class Person(Client):
    """A user as an application keeps one. What it asks for as itself names no organisation; acting_in() does."""

    def __init__(self, url, problem_pages, name="Ada Lovelace", email=None, password=None):
        super().__init__(url, None, None, problem_pages)
        self.name, self.email, self.password = name, email or new_email(), password or new_password()
        self.id = self.refresh_token = None

    def form(self):
        return {"email": self.email, "password": self.password, "name": self.name}

    def try_register(self, **more):
        """The answer, whatever it is."""
        return self.request("POST", "/v1/auth/register", self.form() | more, headers={"Authorization": None})

    def register(self, **more):
        """The new user's document."""
        answer = self.try_register(**more)
        assert answer.status_code == 201, f"register: {answer.status_code} {answer.text}"
        self.id = answer.json()["id"]
        return answer.json()

    def refused_registration(self, status, type_slug, pointers=None, **more):
        return self.refused(status, type_slug, "POST", "/v1/auth/register", self.form() | more, pointers)

    def try_log_in(self, **more):
        """The answer, whatever it is."""
        body = {"email": self.email, "password": self.password} | more
        return self.request("POST", "/v1/auth/login", body, headers={"Authorization": None})

    def log_in(self):
        """A new session, whose tokens are used from now on."""
        answer = self.try_log_in()
        assert answer.status_code == 200, f"log in: {answer.status_code} {answer.text}"
        return self.take(answer.json())

    def try_refresh(self, token=None):
        body = {"refresh_token": token or self.refresh_token}
        return self.request("POST", "/v1/auth/refresh", body, headers={"Authorization": None})

    def refresh(self):
        answer = self.try_refresh()
        assert answer.status_code == 200, f"refresh: {answer.status_code} {answer.text}"
        return self.take(answer.json())

    def take(self, tokens):
        self.key, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return tokens

    def log_out(self, token=None):
        body = {"refresh_token": token or self.refresh_token}
        answer = self.request("POST", "/v1/auth/logout", body, headers={"Authorization": None})
        assert answer.status_code == 204 and answer.content == b"", f"log out: {answer.status_code} {answer.text}"

    def try_change(self, new_password, current=None):
        """The answer to another password's request."""
        body = {"current_password": current or self.password, "new_password": new_password}
        return self.request("POST", "/v1/auth/password", body)

    def elsewhere(self):
        """The same user on another device: a session of its own."""
        other = Person(self.url, self.problem_pages, self.name, self.email, self.password)
        other.id = self.id
        other.log_in()
        return other

    def acting_in(self, organisation_id):
        """This user's client in an organisation."""
        header = {"Billd-Organisation": organisation_id}
        return Client(self.url, self.key, organisation_id, self.problem_pages, header)

    def found(self, **more):
        """The owner's client in a new organisation."""
        body = {"name": "Test", "currency": "USD", "timezone": "Etc/UTC", "country": "US"} | more
        return self.acting_in(self.made("/v1/organisations", body)["id"])

    def accept(self, token):
        """Become a member by an invitation: the membership's document."""
        answer = self.request("POST", "/v1/invitations/accept", {"token": token})
        assert answer.status_code == 200, f"accept: {answer.status_code} {answer.text}"
        return answer.json()


def members_path(client):
    return f"/v1/organisations/{client.organisation_id}/members"


def invite(client, email, role):
    """A new invitation's document, with its token."""
    return client.made(members_path(client), {"email": email, "role": role})


class Team:
    """An organisation of which everything is made over HTTP: for each role a member, who is logged in, and a key.

    people, members, keys and key_ids are dictionaries by role: users, their clients in it, clients with its keys,
    the ids of these.
    """

    def __init__(self, stack, name="Team", **more):
        self.people = {role: stack.person(f"{role.title()} of {name}") for role in ROLES}
        founder = self.people["owner"].found(name=name, **more)
        self.organisation_id = founder.organisation_id
        self.members = {role: person.acting_in(self.organisation_id) for role, person in self.people.items()}
        self.keys, self.key_ids = {}, {}
        for role, person in self.people.items():
            if role != "owner":
                person.accept(invite(founder, person.email, role)["token"])
            made = founder.made("/v1/api-keys", {"name": f"{role}'s", "role": role})
            self.key_ids[role] = made["id"]
            self.keys[role] = stack.client(self.organisation_id, made["key"])
        self.owner = founder
