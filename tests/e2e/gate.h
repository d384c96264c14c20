/* gate.h — a gateway seen by its operator: status, processes; and gateways
 * of a test's own, for configurations the lab's does not have. */
#ifndef E2E_GATE_H
#define E2E_GATE_H

#include <jansson.h>
#include "lab.h"

/* ---- any gateway; `socket` NULL: the lab's */

struct output gwctl(const char *socket, const char *const args[]);
#define GWCTL(socket, ...) \
	gwctl(socket, (const char *const[]){ __VA_ARGS__, NULL })
/* gwctl status --json; NULL when it cannot be had. */
json_t *gate_status(const char *socket);
/* The row of `section` whose `key` is `value`, or NULL. */
json_t *gate_row(const json_t *status, const char *section, const char *key,
		 const char *value);
/* A child that is up: "gwd-auth", …; 0 when it is not. */
pid_t gate_pid(const char *socket, const char *name);
/* Until all its threads stand still, of which SIGSTOP alone is no proof. */
void pause_all(pid_t pid);
/* All three children are up and answer. */
bool gate_is_up(const char *socket);
/* What a listener counts: "connections", "refused", … */
int64_t gate_count(const char *socket, const char *listener,
		   const char *what);

/* ---- a gateway of our own */

struct gate {
	pid_t pid;
	char *dir, *conf, *socket, *log;
	char *url;  /* of its listener */
};

/* The value of the first `key = "…"` in the lab's configuration; a relative
 * path is made absolute. */
char *conf_value(const char *key);
/* A directory of this test's own; gate_stop() does not remove it, the lab's
 * end does. */
char *scratch_dir(void);
/* A good configuration with everything in `dir`: one listener "door" at a
 * port the kernel picks, one upstream. */
char *conf_text(const char *dir, const char *upstream);
/* `conf` of conf_text() with these lines more in its listener and behind it. */
char *conf_listener(const char *conf, const char *listener, const char *rest);

/* `dir` as given to conf_text(). It ends with the test, whatever happens. */
struct gate gate_start(char *dir, const char *conf);
/* The same, run by these words (ended by NULL), such as unshare's. */
struct gate gate_start_by(const char *const words[], char *dir,
			  const char *conf);
void gate_stop(struct gate *g);

#endif
