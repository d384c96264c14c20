/* paths.c — see paths.h. */
#include "paths.h"

struct walk {
	STACK_OF(X509) *given, *anchors, *way;
	int len; /* of the ways looked for, ends included */
	int tries, steps;
	bool (*fn)(void *arg, STACK_OF(X509) *way);
	void *arg;
};

static bool
contains(const STACK_OF(X509) *certs, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), x) == 0)
			return true;
	return false;
}

/* Names, key identifiers and the issuer's key usage; no signature yet. */
static bool
may_issue(X509 *issuer, X509 *subject)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer),
			     X509_get_issuer_name(subject)) == 0 &&
	       X509_check_issued(issuer, subject) == X509_V_OK;
}

static bool
has_anchor_above(const struct walk *w, X509 *x)
{
	for (int i = 0; i < sk_X509_num(w->anchors); i++) {
		X509 *a = sk_X509_value(w->anchors, i);

		if (X509_cmp(a, x) != 0 && may_issue(a, x))
			return true;
	}
	return false;
}

/* Shorter ways have been handed out before. */
static bool
hand_out(struct walk *w)
{
	return sk_X509_num(w->way) == w->len && w->tries-- > 0 &&
	       w->fn(w->arg, w->way);
}

static bool climb(struct walk *w);

static bool
step(struct walk *w, X509 *x, bool is_anchor)
{
	bool found;

	if (w->steps-- <= 0 || sk_X509_push(w->way, x) <= 0)
		return false;
	if (is_anchor && !has_anchor_above(w, x))
		found = hand_out(w);
	else
		found = climb(w);
	sk_X509_pop(w->way);
	return found;
}

/* Goes on from the last certificate of the way; anchors first. */
static bool
climb(struct walk *w)
{
	X509 *last = sk_X509_value(w->way, sk_X509_num(w->way) - 1);
	STACK_OF(X509) *const from[] = { w->anchors, w->given };

	if (sk_X509_num(w->way) >= w->len)
		return false;
	for (size_t k = 0; k < GW_COUNT(from); k++)
		for (int i = 0; i < sk_X509_num(from[k]) && w->tries > 0;
		     i++) {
			X509 *x = sk_X509_value(from[k], i);

			if (contains(w->way, x) || !may_issue(x, last) ||
			    (k == 1 && contains(w->anchors, x)))
				continue;
			if (step(w, x, k == 0))
				return true;
		}
	return false;
}

/* Shortest first: CAs that have certified each other in a circle would lead a
 * search in depth astray until its steps are used up. */
bool
gw_paths_any(STACK_OF(X509) *given, STACK_OF(X509) *anchors, int max_depth,
	     bool (*fn)(void *arg, STACK_OF(X509) *way), void *arg)
{
	struct walk w = { given, anchors, sk_X509_new_null(), 2,
			  GW_PATHS_TRIES, GW_PATHS_STEPS, fn, arg };
	bool found = false;

	if (w.way != NULL && sk_X509_push(w.way, sk_X509_value(given, 0)) > 0)
		for (; w.len <= max_depth + 2 && !found && w.steps > 0; w.len++)
			found = climb(&w);
	sk_X509_free(w.way);
	return found;
}
