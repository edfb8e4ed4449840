#ifndef WORKER_ACTOR_H
#define WORKER_ACTOR_H

/*
 * Who asked for a command, and whether he may still have it.  The ingress asked the same when the
 * request came; here it is asked again in the transaction of the effect, as a key may have been
 * revoked, a member removed, or a role taken away since.  Pure, over the batch's facts.
 */

#include "common/codec/command.h"
#include "worker/facts.h"

/* The parts of a worker that send commands: the actors of these.  Each has its own. */
#define ACTOR_PAYMENTS STR("system:payments") /* tells what became of payments */
#define ACTOR_RUNS STR("system:runs")         /* starts billing runs, and closes them */

enum actor_kind {
	ACTOR_UNKNOWN, /* of a form that neither ingress nor worker writes */
	ACTOR_KEY,     /* "api_key:<id>" */
	ACTOR_USER,    /* "user:<id>:<session's id>" */
	ACTOR_SYSTEM_PAYMENTS,
	ACTOR_SYSTEM_RUNS,
};

struct actor {
	enum actor_kind kind;
	struct uuid id; /* of the key, or of the user; else nil */
};

/* In order of precedence. */
enum actor_verdict {
	ACTOR_MAY,
	ACTOR_MALFORMED,
	ACTOR_OUT_OF_PLACE, /* a worker's own command of somebody else, be it another part of it;
			       or another command of a worker */
	ACTOR_GONE,         /* no such key, or no member any more, of the command's organisation */
	ACTOR_REVOKED,      /* the key was */
	ACTOR_EXPIRED,      /* the key had, when the command was accepted */
	ACTOR_ROLE_TOO_SMALL, /* for what the command needs */
	ACTOR_VERDICT_MAX,
};

/**
 * actor_read(text):
 * The actor that ${text} names; ACTOR_UNKNOWN for anything else.
 */
NODISCARD struct actor actor_read(struct str text);

/**
 * actor_refer(facts, organisation_id, actor):
 * Ask for the row that actor_judge looks at.  ${actor} is borrowed as long as ${facts} lives.
 */
void actor_refer(struct facts *facts, struct uuid organisation_id, const struct actor *actor);

/**
 * actor_judge(facts, meta, actor, command):
 * Whether ${actor} may have a ${command} with ${meta}.
 */
NODISCARD enum actor_verdict actor_judge(const struct facts *facts, const struct command_meta *meta,
    const struct actor *actor, const struct command_info *command);

/**
 * actor_verdict_text(verdict):
 * Why not, as the problem's detail; of ACTOR_MAY there is none (CHECKed).
 */
NODISCARD const char *actor_verdict_text(enum actor_verdict verdict);

#endif
