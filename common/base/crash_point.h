#ifndef COMMON_BASE_CRASH_POINT_H
#define COMMON_BASE_CRASH_POINT_H

/*
 * Crash points: named lines at which a process kills itself, so that a test knows behind which line
 * it died. They are there in a build with -DBILLD_CRASH_POINTS (make V=chaos) and nothing in every
 * other; no setting can bring them to a release.
 *
 *   BILLD_CRASH=committed:3    SIGKILL to itself when it comes to "committed" for the third time
 *   BILLD_ABORT_ON=some text   a CHECK fails over a command that is about this text
 */

#include "common/base/str.h"

#ifdef BILLD_CRASH_POINTS
#define CRASH_POINT(name) crash_point(name)
#define CRASH_TRAP(text) crash_trap(text)
#else
#define CRASH_POINT(name) ((void)0)
#define CRASH_TRAP(text) ((void)0)
#endif

/**
 * crash_point(name):
 * Die, if this is the point and the time that BILLD_CRASH names.  From any thread.
 */
void crash_point(const char *name);

/**
 * crash_trap(text):
 * Abort, if ${text} is what BILLD_ABORT_ON names.
 */
void crash_trap(struct str text);

#endif
