/* auth/kept.h — what was answered about certificates, good and revoked, kept
 * over a restart in a SQLite file of its own. Linked into gwd-auth. A cache:
 * what cannot be written is not kept, and a damaged file is begun anew. Only
 * what was judged goes in, and the file is as private as the registry. */
#ifndef GW_KEPT_H
#define GW_KEPT_H

#include <time.h>

#include "cert.h"
#include "gw/loop.h"

struct gw_kept; /* owned by the caller, gw_kept_free() */

/* NULL: no file; logged. */
struct gw_kept *gw_kept_open(struct gw_loop *l, const char *path);
void gw_kept_free(struct gw_kept *k); /* writes what is due; NULL is fine */

/* A good answer. `key` names certificate and section, `name` the certificate
 * alone. */
struct gw_kept_good {
	uint8_t key[GW_HASH], name[GW_HASH];
	time_t as_of, until;
};

/* Good answers count only under the settings they were got under, of which
 * `digest` is a summary: with another one than before all of them go. True:
 * they did, or there were none. */
bool gw_kept_settings(struct gw_kept *k, const uint8_t digest[GW_HASH]);

/* Each answer that is good after `now`; the others are removed. */
void gw_kept_load(struct gw_kept *k, time_t now,
		  void (*fn)(void *arg, const struct gw_kept_good *g),
		  void *arg);

/* Both come to the disk together with others, a second later. NULL is fine. */
void gw_kept_put(struct gw_kept *k, const struct gw_kept_good *g);
void gw_kept_remove(struct gw_kept *k, const uint8_t key[GW_HASH]);

/* Certificates called revoked (revoked.h), at once. NULL is fine. */
void gw_kept_revoke(struct gw_kept *k, const uint8_t name[GW_HASH],
		    time_t as_of, time_t until);
void gw_kept_unrevoke(struct gw_kept *k, const uint8_t name[GW_HASH]);
/* Those that have not ended by `now`, oldest first; the others are removed. */
void gw_kept_load_revoked(struct gw_kept *k, time_t now,
			  void (*fn)(void *arg, const uint8_t name[GW_HASH],
				     time_t as_of), void *arg);

#endif
