/* gateway/supervisor/check.h — what hangs together in a configuration: the
 * checks of gw_setup_load(), a file for each part of it, and what they share.
 * Linked into gwd only. A check is false with its complaint, whose line is the
 * one to change; it reads the files it judges and gives them to the setup. */
#ifndef GW_CHECK_H
#define GW_CHECK_H

#include "setup.h"

struct gw_check {
	struct gw_setup *s;
	struct gw_complaint *c;
	enum gw_setup_mode mode;
};

/* ---- check.c: what they share */

int gw_check_line(const struct gw_check *k, const char *section, size_t i,
		  const char *key);
/* Reads the file of out->purpose; a relative path starts where the
 * configuration file is, and a secret must be closed to others. On success
 * the data is the caller's. */
GW_MUST_CHECK bool gw_check_load(struct gw_check *k, int line,
				 const char *key, const char *path,
				 struct gw_file *out);

/* ---- check_keys.c */

bool gw_check_required_keys(struct gw_check *k);
bool gw_check_titles(struct gw_check *k);
bool gw_check_sizes(struct gw_check *k);
/* Whether this configuration has use for the section. */
bool gw_check_needs(const struct gw_check *k, const struct gw_conf_section *s);

/* ---- check_main.c */

bool gw_check_log_level(struct gw_check *k);
bool gw_check_paths(struct gw_check *k);
bool gw_check_users(struct gw_check *k);
bool gw_check_users_differ(struct gw_check *k);

/* ---- check_directory.c */

bool gw_check_directory(struct gw_check *k);

/* ---- check_ca.c */

bool gw_check_cas(struct gw_check *k);
bool gw_check_revocation(struct gw_check *k);

/* ---- check_route.c */

bool gw_check_headers(struct gw_check *k);
bool gw_check_upstreams(struct gw_check *k);
bool gw_check_routes(struct gw_check *k);
/* Whether what this key names is there; none is named by "". */
bool gw_check_upstream_name(struct gw_check *k, const char *section, size_t i,
			    const char *name);

/* ---- check_identity.c */

/* The certificates of one listener. */
bool gw_check_identities(struct gw_check *k, size_t listener);

/* ---- check_listener.c */

bool gw_check_listeners(struct gw_check *k);

#endif
