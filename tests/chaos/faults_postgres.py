"""Faults of PostgreSQL: it stops, crashes, cuts connections amid COMMIT, is slow, has no room, or is an older one."""

import contextlib
import os
import shutil
import subprocess
import time

import psycopg
from checker_index import RESTORED
from waiting import PATIENCE

SLOW_MS = 500
DISK_MB = 512  # of the small file system; the cluster has about a tenth of it
DISK_FULL_SECONDS = 6
SMALL_WAL = ("max_wal_size = '64MB'", "min_wal_size = '32MB'", "wal_recycle = off")
CUTS_MIN, CUT_SECONDS = 2, 60  # so many cuts, if they come in time
NUDGES = 60  # commands that reach every worker
NOTICE_SECONDS = 15  # until an idle worker sees that its database is another one

# A deferred constraint trigger runs when COMMIT has begun and nothing is durable yet: once for each transaction.
SLOW_COMMIT = """
CREATE OR REPLACE FUNCTION public.chaos_sleep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF current_setting('chaos.slept', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('chaos.slept', pg_current_xact_id()::text, false);
        PERFORM pg_sleep({seconds});
    END IF;
    RETURN NULL;
END $$;
SET lock_timeout = '20s';
DROP TRIGGER IF EXISTS chaos_sleep ON billd.progress;
CREATE CONSTRAINT TRIGGER chaos_sleep AFTER UPDATE ON billd.progress
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.chaos_sleep();
"""
QUICK_COMMIT = """
SET lock_timeout = '20s';
DROP TRIGGER IF EXISTS chaos_sleep ON billd.progress;
DROP FUNCTION IF EXISTS public.chaos_sleep();
"""
BOOK = "SELECT key, reference, kind, method, amount, currency, outcome, code FROM simulated_provider.transfers"
BOOK_AGAIN = """
INSERT INTO simulated_provider.transfers (key, reference, kind, method, amount, currency, outcome, code)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (key) DO UPDATE SET outcome = excluded.outcome, code = excluded.code
"""
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = 'billd_worker' AND wait_event = '{event}'
"""


def persist(spell, sql):
    """SQL that must get through, whatever else goes on."""

    def done():
        with contextlib.suppress(AssertionError):
            spell.stack.superuser(sql)
            return True
        return False

    spell.wait(done, "the superuser's SQL gets through")


# Away for a while


def outages(spell, how):
    while True:
        spell.pause(0.2, 1.5)
        spell.stack.script("postgres", how)
        try:
            spell.hit(f"{how} of PostgreSQL")
            spell.pause(0, 2)
        finally:
            spell.stack.script("postgres", "start")
        spell.note("PostgreSQL is back")
        if spell.is_over():
            return
        spell.await_commit()


def stop_postgres(spell):
    outages(spell, "stop")


def crash_postgres(spell):
    outages(spell, "kill")


# Cut during COMMIT


def cut_at(spell, event):
    """End the workers' connections that wait for `event`, as often as there is time, and a few times at least."""
    # Nobody commits while partitions are on their way from a dead worker to another.
    deadline = max(spell.until, time.monotonic() + CUT_SECONDS * PATIENCE)
    while time.monotonic() < deadline and not (spell.is_over() and spell.times >= CUTS_MIN):
        with contextlib.suppress(AssertionError):
            cut = int(spell.stack.superuser(CUT.format(event=event)) or 0)
            if cut:
                spell.hit(f"{cut} connections are cut in {event}")
                # Some commits get through, so that there is work to be cut off again.
                spell.pause(0, 0.4)


def cut_before_the_commit_record(spell):
    persist(spell, SLOW_COMMIT.format(seconds=0.3))
    try:
        cut_at(spell, "PgSleep")
    finally:
        persist(spell, QUICK_COMMIT)


def cut_after_the_commit_record(spell):
    """COMMIT waits for a standby that nobody is: its record is durable, and its answer never comes."""
    persist(spell, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    persist(spell, "SELECT pg_reload_conf()")
    try:
        cut_at(spell, "SyncRep")
    finally:
        persist(spell, "ALTER SYSTEM RESET synchronous_standby_names")
        persist(spell, "SELECT pg_reload_conf()")


def slow_commits(spell):
    persist(spell, SLOW_COMMIT.format(seconds=SLOW_MS / 1000))
    try:
        while not spell.is_over():
            spell.await_commit()
            spell.hit("a slow commit came through")
    finally:
        persist(spell, QUICK_COMMIT)


# No room


def no_mount():
    """Why no file system can be mounted; None when it can."""
    if os.geteuid() != 0:
        return "a small tmpfs can be mounted by root alone"
    # In a namespace that is gone with it.
    mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "mounting a tmpfs is not allowed here: " + done.stderr.strip()


def run(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=120 * PATIENCE)


@contextlib.contextmanager
def small_disk(spell):
    """The cluster on a file system that can be filled, and back on its own afterwards."""
    stack, data = spell.stack, spell.stack.data_directory()
    aside = data + ".aside"
    for setting in SMALL_WAL:
        stack.superuser(f"ALTER SYSTEM SET {setting}")
    stack.script("postgres", "stop")
    os.rename(data, aside)
    owner = os.stat(aside)
    os.mkdir(data, 0o700)
    os.chown(data, owner.st_uid, owner.st_gid)
    mode = f"size={DISK_MB}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    try:
        run("mount", "-t", "tmpfs", "-o", mode, "tmpfs", data)
        spell.drill.mounts.append(data)
        run("cp", "-a", aside + "/.", data)
        stack.script("postgres", "start")
        yield data
    finally:
        stack.script("postgres", "stop")
        if data in spell.drill.mounts:
            shutil.rmtree(aside)
            run("cp", "-a", data, aside)
            run("umount", data)
            spell.drill.mounts.remove(data)
        os.rmdir(data)
        os.rename(aside, data)
        stack.script("postgres", "start")
        for setting in SMALL_WAL:
            persist(spell, f"ALTER SYSTEM RESET {setting.split()[0]}")
        persist(spell, "SELECT pg_reload_conf()")


def fill(path):
    """Write until there is no room for another byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


def fill_disk(spell):
    with small_disk(spell) as data:
        while True:
            spell.await_commit()
            ballast = os.path.join(data, "ballast")
            fill(ballast)
            try:
                spell.note("the disk is full")
                spell.wait(lambda: refused_for_room(spell.stack), "PostgreSQL finds its disk full")
                spell.hit("PostgreSQL found its disk full")
                time.sleep(spell.share(DISK_FULL_SECONDS))
            finally:
                os.unlink(ballast)
            spell.note("there is room again")
            # Without room for its own log it ends; its operator starts it again.
            spell.stack.script("postgres", "start")
            spell.await_commit()
            if spell.is_over():
                return


def refused_for_room(stack):
    """Whether somebody was told so: a statement fails, or the server is gone for want of room."""
    try:
        with stack.connect("worker") as connection:
            connection.execute("CREATE TEMP TABLE chaos_room AS SELECT repeat('x', 4000) FROM generate_series(1, 500)")
        return False
    except psycopg.errors.DiskFull:
        return True
    except psycopg.Error:
        log = stack.logs / "postgres.log"
        return log.exists() and "No space left on device" in log.read_text(errors="replace")[-20_000:]


# An older one


def restore_older(spell):
    """The cluster's directory is put aside, commands go on, and the older state comes back: all is done once more."""
    stack, load, drill = spell.stack, spell.drill.load, spell.drill
    with load.silence():
        drill.await_quiet()
        kept = stack.keep_database()
    before = spell.known_offsets()
    spell.note("from here on the database forgets")
    spell.wait(lambda: (spell.offsets() or 0) > before + 100, "commands go on")
    time.sleep(max(0.0, spell.until - time.monotonic()))
    with load.silence():
        drill.await_quiet()
        rows, book = drill.rows(), stack.rows(BOOK, role="worker")
        drill.note(RESTORED, "begins")
        stack.restore_database(kept)
        # What moved has moved: the provider's book is in this database for want of a provider.
        with stack.connect("worker") as connection:
            connection.cursor().executemany(BOOK_AGAIN, book)
        spell.hit("the database is an older one")
        unnoticed = not noticed(spell)
        for number in range(NUDGES if unnoticed else 0):
            load.command(load.tenants[0], "/v1/customers", {"name": f"Nudge {number}"})
        drill.await_quiet()
        again = drill.rows()
        drill.note(RESTORED, "ends: all that it forgot was done again")
    lost = {table: sorted(rows[table] - again[table])[:4] for table in rows if rows[table] - again[table]}
    assert not lost, f"the same commands gave other rows: {lost}"
    spell.await_commit()
    assert not unnoticed, f"idle workers did not notice within {NOTICE_SECONDS} s that the database is an older one"


def noticed(spell):
    """Whether the workers go on from the older offsets by themselves."""
    try:
        spell.await_commit(NOTICE_SECONDS)
    except AssertionError:
        return False
    return True
