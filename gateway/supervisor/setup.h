/* gateway/supervisor/setup.h — the configuration, checked whole, with the
 * contents of the files it names. Linked into gwd only. When gw_setup_load()
 * is true, nothing an administrator could have got wrong is left to find out
 * later, but for what only the network knows. */
#ifndef GW_SETUP_H
#define GW_SETUP_H

#include "gw/proto.h"
#include "complaint.h"
#include "net.h"
#include "pem.h"
#include "source.h"
#include "user.h"

enum { GW_CHILD_PROXY, GW_CHILD_AUTH, GW_CHILD_KDC, GW_CHILD_COUNT };

/* What gwctl shows of a listener's own certificates: the default's subject,
 * and when the first of them, and of their staples, ends. */
struct gw_setup_listener {
	struct gw_addr addr; /* after the bind: with the real port */
	char subject[GW_SUBJECT_MAX];
	time_t expires;
	time_t staple_until; /* 0: no staple */
};

struct gw_setup {
	char *path;
	struct gw_conf conf;    /* main.workers is never 0 here */
	struct gw_source src;
	struct gw_file *files;  /* all of them, in the order they are sent */
	size_t file_count;
	struct gw_setup_listener *listeners; /* as conf.listeners */
	struct gw_user users[GW_CHILD_COUNT];
	bool has_users;         /* started as root: children get their own */
	struct gw_complaint *warnings; /* what is good enough to go on with */
	size_t warning_count;
};

enum gw_setup_mode {
	GW_SETUP_CHECK, /* an address may be in use: by the gateway running */
	GW_SETUP_START,
};

/* On false `out` holds nothing. */
GW_MUST_CHECK bool gw_setup_load(const char *path, enum gw_setup_mode mode,
				 struct gw_setup *out,
				 struct gw_complaint *c);
void gw_setup_clear(struct gw_setup *s);

/* Takes what `f` holds, after all others. */
void gw_setup_keep(struct gw_setup *s, struct gw_file *f);
void gw_setup_warn(struct gw_setup *s, int line, const char *fmt, ...)
	GW_PRINTF(3, 4);

/* Moves the certificates, keys and staples of the listener with this title
 * from `fresh` to `s`; false when they are the same, or one has no such
 * listener. */
bool gw_setup_take_certificates(struct gw_setup *s, struct gw_setup *fresh,
				const char *title);

/* Whether some listener asks the directory, or there is a section for one;
 * otherwise gwd-kdc has nothing to do and needs no keytab. */
bool gw_setup_needs_kdc(const struct gw_conf *c);

#endif
