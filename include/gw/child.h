/* gw/child.h — the life of gwd-proxy, gwd-auth and gwd-kdc: what they have in
 * common. Linked into those three.
 *
 * The supervisor execs a child, already running as its own user, with one
 * descriptor: the control channel (fd 3). Configuration, file contents,
 * listening sockets and links arrive over it as messages, then START. The
 * child locks itself in (no_new_privs, not dumpable, no core, Landlock and
 * seccomp where the kernel has them) and says READY before it reads a byte of
 * a peer. When the control channel closes, the child ends: no orphan serves
 * on. */
#ifndef GW_CHILD_H
#define GW_CHILD_H

#include "gw/admin.h"
#include "gw/chan.h"
#include "gw/conf.h"
#include "gw/proto.h"

#define GW_CONTROL_FD 3

struct gw_child;

struct gw_child_ops {
	const char *name; /* "gwd-auth" */

	/* All has been said: build the state. Configuration and files are
	 * borrowed until the end of the process (private keys and keytab are
	 * wiped after start returns). An error ends the child; the
	 * supervisor prints it. */
	enum gw_err (*start)(void *app, struct gw_child *c,
			     struct gw_error *err);

	/* A link's new end; takes `fd`. May come again after a restart of
	 * the far process; comes only after start(). NULL: no links. */
	void (*link)(void *app, const struct gw_link_msg *m, int fd);

	/* A listening socket; takes `fd`. Comes only after start(). NULL: a
	 * listener is a protocol violation, and nothing may be accepted. */
	void (*listener)(void *app, const struct gw_listener_msg *m, int fd);

	/* Say what there is to say with gw_child_status_row(), now or later,
	 * then gw_child_status_end(). */
	void (*status)(void *app, uint64_t ask);

	/* End a session; NULL: ignored. */
	void (*kill)(void *app, const uint8_t session[GW_SESSION_ID]);

	/* Finish; then gw_loop_stop(). NULL: stops at once. */
	void (*stop)(void *app);

	/* The loop has ended, for whatever cause: join threads and let go of
	 * what was borrowed, which is freed next. NULL: nothing to do. */
	void (*end)(void *app);

	/* A change of the registry (gwd-auth); answer `ask` with
	 * gw_child_admin_done(). NULL: a protocol violation. */
	void (*admin)(void *app, uint64_t ask, const struct gw_admin *m);

	/* The names of the registered CAs (gwd-proxy), borrowed; false when
	 * they are none. NULL: a protocol violation. */
	bool (*ca_names)(void *app, const uint8_t *der, size_t len);

	/* The gateway's own certificates (gwd-proxy), or how names are found
	 * (gwd-auth), as they are now: the only files there are in this call
	 * and none after it. On an error the old ones stay. NULL: a protocol
	 * violation; and the files of start() are kept. */
	enum gw_err (*renew)(void *app, struct gw_child *c,
			     struct gw_error *err);

	/* The paths this child may still read after start (Landlock), ended
	 * by NULL; borrowed. NULL: none at all. */
	const char *const *(*readable)(void *app);

	/* The one directory, found out by start(), in which this child may
	 * make, change and remove plain files; NULL: nowhere. Borrowed. */
	const char *(*writable)(void *app);
};

struct gw_loop *gw_child_loop(struct gw_child *c);
const struct gw_conf *gw_child_conf(const struct gw_child *c);
/* The files with this purpose and name (NULL: any), one after the other:
 * start with `prev` NULL; NULL at the end. */
const struct gw_file *gw_child_file(const struct gw_child *c,
				    enum gw_file_purpose purpose,
				    const char *name,
				    const struct gw_file *prev);

/* One row: a JSON object for a section ("dcs", "cas", "reasons", …). Rows
 * over 32 KiB are dropped with a log line. */
void gw_child_status_row(struct gw_child *c, uint64_t ask, const char *section,
			 const char *json);
void gw_child_status_end(struct gw_child *c, uint64_t ask);

void gw_child_admin_done(struct gw_child *c, uint64_t ask,
			 const struct gw_admin_done *d);
/* Names of all registered CAs, for gwd-proxy; allowed from start() on. */
void gw_child_ca_names(struct gw_child *c, const uint8_t *der, size_t len);

/* The whole main(): returns the exit status. */
int gw_child_main(const struct gw_child_ops *ops, void *app);

#endif
