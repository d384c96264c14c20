/* paths.c — see paths.h. */
#include "paths.h"
#include "gw/util.h"

#include <openssl/err.h>

struct node {
	X509 *x;
	bool is_anchor;
	int ca;       /* the first node with this name and key */
	bool has_namesake; /* of another key; so says the first of each */
	int distance; /* to an anchor, by names; -1: none is above */
};

/* Where issuers come from. */
struct source {
	STACK_OF(X509) *certs;
	bool is_anchors;
	bool *is_done; /* of each: it is a node, or never will be */
};

enum { UNKNOWN, SIGNED, FORGED };

struct walk {
	const struct gw_ways *ways;
	struct node nodes[GW_PATHS_CERTS];
	int count;
	/* [subject][issuer], the latter as a CA */
	uint8_t signatures[GW_PATHS_CERTS][GW_PATHS_CERTS];
	bool is_named[GW_PATHS_CERTS][GW_PATHS_CERTS]; /* by names and ids */
	int way[GW_PATHS_CERTS];
	int len, wanted; /* of the way, and of those looked for */
	int checks, steps, tries;
};

/* ---- the certificates that matter */

/* Names, key identifiers and the issuer's key usage. */
static bool
may_have_issued(X509 *issuer, X509 *subject)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer),
			     X509_get_issuer_name(subject)) == 0 &&
	       X509_check_issued(issuer, subject) == X509_V_OK;
}

static bool
have_same_name(X509 *a, X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a),
			     X509_get_subject_name(b)) == 0;
}

static bool
have_same_key(X509 *a, X509 *b)
{
	return EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static bool
is_known(const struct walk *w, const X509 *x)
{
	for (int i = 0; i < w->count; i++)
		if (X509_cmp(w->nodes[i].x, x) == 0)
			return true;
	return false;
}

static void
add(struct walk *w, X509 *x, bool is_anchor)
{
	struct node *n = &w->nodes[w->count];
	int at = w->count++;

	*n = (struct node){ .x = x, .is_anchor = is_anchor, .ca = at,
			    .distance = -1 };
	for (int i = 0; i < at; i++) {
		struct node *other = &w->nodes[i];

		if (other->ca != i || !have_same_name(other->x, x))
			continue;
		if (n->ca == at && have_same_key(other->x, x))
			n->ca = i;
		else
			other->has_namesake = n->has_namesake = true;
	}
}

/* What may have issued the node. */
static void
add_issuers(struct walk *w, int of, struct source *from)
{
	for (int i = 0; i < sk_X509_num(from->certs); i++) {
		X509 *x = sk_X509_value(from->certs, i);

		if (from->is_done[i] || w->count == GW_PATHS_CERTS ||
		    !may_have_issued(x, w->nodes[of].x))
			continue;
		from->is_done[i] = true;
		if (from->is_anchors ||
		    (!is_known(w, x) && w->ways->may_issue(w->ways->arg, x)))
			add(w, x, from->is_anchors);
	}
}

static struct source
source_of(STACK_OF(X509) *certs, bool is_anchors)
{
	size_t n = (size_t)sk_X509_num(certs) + 1;

	return (struct source){ certs, is_anchors,
				gw_xcalloc(n, sizeof(bool)) };
}

/* Upwards from the leaf, so that certificates nobody asked about, however
 * many, cost a comparison of names each. Anchors first: what is one is no
 * other's. */
static void
gather(struct walk *w)
{
	struct source sources[] = { source_of(w->ways->anchors, true),
				    source_of(w->ways->given, false) };

	add(w, sk_X509_value(w->ways->given, 0), false);
	for (int i = 0; i < w->count; i++)
		for (size_t k = 0; k < GW_COUNT(sources); k++)
			add_issuers(w, i, &sources[k]);
	for (int i = 0; i < w->count; i++)
		for (int k = 1; k < w->count; k++)
			w->is_named[i][k] =
				w->nodes[i].ca != w->nodes[k].ca &&
				may_have_issued(w->nodes[k].x, w->nodes[i].x);
	for (size_t k = 0; k < GW_COUNT(sources); k++)
		free(sources[k].is_done);
}

static bool
is_nearer(const struct walk *w, int subject, int issuer)
{
	int below = w->nodes[subject].distance;
	int above = w->nodes[issuer].distance;

	return w->is_named[subject][issuer] && above >= 0 &&
	       (below < 0 || below > above + 1);
}

/* Circles that no anchor stands above are not entered at all. */
static void
measure(struct walk *w)
{
	bool has_changed = true;

	for (int i = 1; i < w->count; i++)
		if (w->nodes[i].is_anchor)
			w->nodes[i].distance = 0;
	while (has_changed) {
		has_changed = false;
		for (int i = 0; i < w->count; i++)
			for (int k = 1; k < w->count; k++)
				if (is_nearer(w, i, k)) {
					w->nodes[i].distance =
						w->nodes[k].distance + 1;
					has_changed = true;
				}
	}
}

/* ---- the walk */

/* Of a check, in those by RSA keys of 4096 bits or on curves of 256: with the
 * length of a key it grows like the square at least. */
static int
cost(const EVP_PKEY *key)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA") ||
		      EVP_PKEY_is_a(key, "RSA-PSS");
	int unit = is_rsa ? 4096 : 256;
	int n = (EVP_PKEY_get_bits(key) + unit - 1) / unit;

	return GW_MAX(n * n, 1);
}

/* Where only one CA has the name, nothing is to be decided: whether it has
 * signed is seen when the way is tried. */
static int
signature(struct walk *w, int issuer, int subject)
{
	int ca = w->nodes[issuer].ca;
	uint8_t *known = &w->signatures[subject][ca];
	EVP_PKEY *key = X509_get0_pubkey(w->nodes[issuer].x);

	if (!w->nodes[ca].has_namesake)
		return SIGNED;
	if (*known == UNKNOWN && key != NULL && w->checks >= cost(key)) {
		w->checks -= cost(key);
		*known = X509_verify(w->nodes[subject].x, key) == 1 ? SIGNED
								    : FORGED;
	}
	return *known;
}

static bool
is_on_way(const struct walk *w, int node)
{
	for (int i = 0; i < w->len; i++)
		if (w->nodes[w->way[i]].ca == w->nodes[node].ca)
			return true;
	return false;
}

/* RFC 5280, 4.2.1.9: the CAs below it, self-issued ones aside. */
static bool
is_too_high(const struct walk *w, int node)
{
	long most = X509_get_pathlen(w->nodes[node].x);
	int below = 0;

	for (int i = 1; most >= 0 && i < w->len; i++)
		if ((X509_get_extension_flags(w->nodes[w->way[i]].x) &
		     EXFLAG_SI) == 0)
			below++;
	return most >= 0 && below > most;
}

/* fail closed: one of which it is not known whether it has signed may be. */
static bool
has_anchor_above(struct walk *w, int node)
{
	for (int i = 1; i < w->count; i++)
		if (w->nodes[i].is_anchor && w->is_named[node][i] &&
		    !is_on_way(w, i) && signature(w, i, node) != FORGED)
			return true;
	return false;
}

/* Shorter ways have been handed out before. */
static bool
hand_out(struct walk *w)
{
	STACK_OF(X509) *way;
	bool is_taken;

	if (w->len != w->wanted || w->tries-- <= 0)
		return false;
	way = sk_X509_new_reserve(NULL, w->len);
	gw_assert(way != NULL);
	for (int i = 0; i < w->len; i++)
		gw_assert(sk_X509_push(way, w->nodes[w->way[i]].x) > 0);
	is_taken = w->ways->fn(w->ways->arg, way);
	sk_X509_free(way);
	return is_taken;
}

static bool climb(struct walk *w);

static bool
step(struct walk *w, int node)
{
	bool is_taken;

	w->steps--;
	w->way[w->len++] = node;
	is_taken = w->nodes[node].is_anchor && !has_anchor_above(w, node)
			   ? hand_out(w)
			   : climb(w);
	w->len--;
	return is_taken;
}

/* Goes on from the last certificate of the way. */
static bool
climb(struct walk *w)
{
	int last = w->way[w->len - 1];

	for (int i = 1; i < w->count && w->tries > 0 && w->steps > 0; i++) {
		const struct node *n = &w->nodes[i];

		if (!w->is_named[last][i] || n->distance < 0 ||
		    w->len + 1 + n->distance > w->wanted || is_on_way(w, i) ||
		    is_too_high(w, i) || signature(w, i, last) != SIGNED)
			continue;
		if (step(w, i))
			return true;
	}
	return false;
}

/* Shortest first: CAs that have certified each other would lead a search in
 * depth astray until its steps are used up. */
bool
gw_paths_any(const struct gw_ways *ways)
{
	struct walk *w = gw_xcalloc(1, sizeof(*w));
	int most = GW_MIN(ways->longest + 2, GW_PATHS_CERTS);
	bool is_taken = false;

	w->ways = ways;
	w->checks = GW_PATHS_SIGNATURES;
	w->steps = GW_PATHS_STEPS;
	w->tries = GW_PATHS_TRIES;
	gather(w);
	measure(w);
	w->len = 1;
	for (w->wanted = 2; w->wanted <= most && !is_taken; w->wanted++)
		is_taken = climb(w);
	free(w);
	ERR_clear_error();
	return is_taken;
}
