/* auth/standing.h — does a whole path still stand? The leaf, and each CA in
 * it that the operator has not registered himself, unless its section says
 * otherwise. Linked into gwd-auth. All are asked about at once; the first
 * that does not stand decides. */
#ifndef GW_STANDING_H
#define GW_STANDING_H

#include "revocation.h"

/* Embedded by whoever waits; `fn` is set before asking. */
struct gw_standing {
	/* The result is in s->result; may start anew or free `s`. */
	void (*fn)(struct gw_standing *s);
	struct gw_revocation_result result; /* source: of the leaf's answer;
				fresh_until: the first end, 0: not kept */
	struct gw_standing_one {
		struct gw_revocation_wait wait;
		struct gw_standing *owner;
		int depth;
	} one[GW_PATH_MAX];
	size_t count, waiting;
};

/* True: `s->result` is the result, now. False: `s->fn` will be told, never
 * inside this call. */
struct gw_standing_ask { /* all borrowed for the call */
	const struct gw_trust *trust;
	const struct gw_path *path;
	STACK_OF(X509) *given;
	bool is_anew; /* ask, whatever is kept */
	bool is_dry;  /* keep no answer */
};
bool gw_standing_ask(struct gw_revocation *r, const struct gw_standing_ask *q,
		     struct gw_standing *s);
void gw_standing_forget(struct gw_standing *s); /* not waiting: fine */

/* The names of the answers that together make a path stand. */
struct gw_standing_keys {
	uint8_t v[GW_PATH_MAX][GW_HASH];
	size_t n;
};
void gw_standing_keys_of(const struct gw_trust *t, const struct gw_path *path,
			 struct gw_standing_keys *out);
/* All of them are good answers that may still be used. */
bool gw_standing_is_fresh(struct gw_revocation *r,
			  const struct gw_standing_keys *k);

#endif
