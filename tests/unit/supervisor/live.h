/* live.h — the real gwd and gwctl with stand-ins for the three children, in a
 * directory of files.h. For the supervisor's tests, each in its own process. */
#ifndef LIVE_H
#define LIVE_H

#include <sys/types.h>
#include "client.h"

#define WAIT_MS 60000 /* for anything that is to happen */

extern const char *dir;
extern char sock[128], conf[128]; /* gwd's socket and configuration */

/* All that a start needs: the .init of a suite. */
void make(void);
/* A configuration that is good, and `extra`. */
void write_conf(const char *extra);

/* ---- gwd and what it said */

/* Dies with the test; else to be ended by the caller. */
pid_t start_gwd(void);
/* Its exit status; -1 when it was killed. */
int wait_status(pid_t pid);

/* What all gwd so far have said; until the next call. */
char *log_text(void);
size_t times_said(const char *what);
void wait_said(const char *what, size_t times);
/* That a child says `what` of itself, as the user it should be. */
void wait_started(const char *what, unsigned uid);

/* ---- the API */

/* The answer's body; the caller's. */
json_t *ask(const char *method, const char *path, int expected);
/* "" when there is none. */
const char *text(const json_t *o, const char *key);
/* Of a status document: the child's row. */
const json_t *process(const json_t *doc, const char *name);
pid_t pid_of(const char *name);

/* Its exit status, and in `*out` what it said, until the next call. */
int gwctl(const char *args, char **out);

#endif
