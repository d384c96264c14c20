/* auth/revoked.h — which certificates an authority has called revoked, and as
 * of when. Linked into gwd-auth. Without a nonce an OCSP answer can be played
 * back while it is fresh, and a list too: what is older than the word
 * `revoked` must not take it back. What is newer may (certificateHold). Kept
 * over a restart; GW_REVOKED_MAX at most, the oldest go first. */
#ifndef GW_REVOKED_H
#define GW_REVOKED_H

#include "kept.h"

#define GW_REVOKED_MAX 65536

struct gw_revoked;

/* `disk` is borrowed; NULL: nothing outlives the process. */
struct gw_revoked *gw_revoked_new(struct gw_kept *disk);
void gw_revoked_free(struct gw_revoked *r); /* NULL is fine */

/* `name`: of the certificate, whatever section it is asked under. `as_of`:
 * thisUpdate of the answer; the latest counts. `until`: when it ends by
 * itself. */
void gw_revoked_add(struct gw_revoked *r, const uint8_t name[GW_HASH],
		    time_t as_of, time_t until);
/* The same, from gw_kept_load_revoked(). */
void gw_revoked_remember(struct gw_revoked *r, const uint8_t name[GW_HASH],
			 time_t as_of);
/* A newer answer says good. */
void gw_revoked_take_back(struct gw_revoked *r, const uint8_t name[GW_HASH]);

/* An answer of this time says nothing against it. */
bool gw_revoked_outdates(const struct gw_revoked *r,
			 const uint8_t name[GW_HASH], time_t as_of);
size_t gw_revoked_count(const struct gw_revoked *r);

#endif
