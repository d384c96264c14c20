/* standing.c — see standing.h. */
#include "standing.h"
#include "gw/util.h"

#include <string.h>

/* A path's end is registered, and what is registered is trusted by name:
 * RFC 5280, 6.1, judges no trust anchor. */
static bool
is_judged(const struct gw_trust *t, const struct gw_path *path, int depth)
{
	if (depth == 0)
		return true;
	return path->ca->check_intermediates &&
	       depth + 1 < sk_X509_num(path->certs) &&
	       !gw_trust_has(t, sk_X509_value(path->certs, depth));
}

/* 0: no path of a login has as few, or as many. */
static int
length(const struct gw_path *path)
{
	int n = sk_X509_num(path->certs);

	return n < 2 || n > GW_PATH_MAX ? 0 : n;
}

void
gw_standing_keys_of(const struct gw_trust *t, const struct gw_path *path,
		    struct gw_standing_keys *out)
{
	out->n = 0;
	for (int i = 0; i < length(path); i++)
		if (is_judged(t, path, i))
			gw_revocation_key(sk_X509_value(path->certs, i),
					  sk_X509_value(path->certs, i + 1),
					  path->ca, out->v[out->n++]);
}

bool
gw_standing_is_fresh(struct gw_revocation *r, const struct gw_standing_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (!gw_revocation_is_fresh(r, k->v[i]))
			return false;
	return k->n > 0;
}

/* ---- asking */

/* True: decided. */
static bool
take(struct gw_standing *s, int depth, const struct gw_revocation_result *r)
{
	if (r->code != GW_ERR_OK) {
		s->result = *r;
		if (depth > 0)
			gw_format(s->result.detail, sizeof(s->result.detail),
				  "CA at depth %d: %.160s", depth, r->detail);
		return true;
	}
	if (depth == 0)
		memcpy(s->result.source, r->source, sizeof(r->source));
	s->result.fresh_until = GW_MIN(s->result.fresh_until,
				       r->fresh_until);
	return false;
}

static void
on_one(struct gw_revocation_wait *w, const struct gw_revocation_result *r)
{
	struct gw_standing_one *one =
		GW_CONTAINER(w, struct gw_standing_one, wait);
	struct gw_standing *s = one->owner;
	bool is_decided = take(s, one->depth, r);

	s->waiting--;
	if (!is_decided && s->waiting > 0)
		return;
	gw_standing_forget(s);
	s->fn(s);
}

static bool
ask_one(struct gw_revocation *r, struct gw_standing *s,
	const struct gw_revocation_about *about)
{
	struct gw_standing_one *one = &s->one[s->count++];
	struct gw_revocation_result now;

	*one = (struct gw_standing_one){ .wait.fn = on_one, .owner = s,
					 .depth = about->depth };
	if (gw_revocation_ask(r, about, &one->wait, &now))
		return take(s, about->depth, &now);
	s->waiting++;
	return false;
}

bool
gw_standing_ask(struct gw_revocation *r, const struct gw_standing_ask *q,
		struct gw_standing *s)
{
	struct gw_revocation_about about = {
		.path = q->path, .given = q->given, .is_anew = q->is_anew,
		.is_dry = q->is_dry,
	};

	s->count = s->waiting = 0;
	s->result = (struct gw_revocation_result){
		.code = GW_ERR_OK, .fresh_until = INT64_MAX };
	/* fail closed: nothing to ask about is nothing that stands. */
	if (length(q->path) == 0) {
		s->result.code = GW_ERR_INTERNAL;
		gw_format(s->result.detail, sizeof(s->result.detail),
			  "there is no path to ask about");
		return true;
	}
	for (int i = 0; i < length(q->path); i++) {
		about.depth = i;
		if (is_judged(q->trust, q->path, i) &&
		    ask_one(r, s, &about)) {
			gw_standing_forget(s);
			return true;
		}
	}
	return s->waiting == 0;
}

void
gw_standing_forget(struct gw_standing *s)
{
	for (size_t i = 0; i < s->count; i++)
		gw_revocation_forget(&s->one[i].wait);
	s->waiting = 0;
}
