/* auth/kept.h — good answers about certificates, kept over a restart in a
 * SQLite file of their own. Linked into gwd-auth. A cache: what cannot be
 * written is not kept, and a damaged file is begun anew. Only what was judged
 * goes in, and the file is as private as the registry. */
#ifndef GW_KEPT_H
#define GW_KEPT_H

#include <time.h>

#include "cert.h"
#include "gw/loop.h"

struct gw_kept;

/* NULL: no file; logged. */
struct gw_kept *gw_kept_open(struct gw_loop *l, const char *path);
void gw_kept_free(struct gw_kept *k); /* writes what is due; NULL is fine */

/* Answers count only under the settings they were got under, of which
 * `digest` is a summary: with another one than before everything goes. True:
 * it did, or there was nothing. */
bool gw_kept_settings(struct gw_kept *k, const uint8_t digest[GW_HASH]);

/* Each answer that is good after `now`; the others are removed. */
void gw_kept_load(struct gw_kept *k, time_t now,
		  void (*fn)(void *arg, const uint8_t key[GW_HASH],
			     time_t good_until), void *arg);

/* Both come to the disk together with others, a second later. NULL is fine. */
void gw_kept_put(struct gw_kept *k, const uint8_t key[GW_HASH],
		 time_t good_until);
void gw_kept_remove(struct gw_kept *k, const uint8_t key[GW_HASH]);

#endif
