/* chain.c — see chain.h. RFC 5280, 6.1, by X509_verify_cert(). */
#include "chain.h"
#include "constraints.h"
#include "paths.h"
#include "rules.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define SECURITY_LEVEL  2 /* 112 bits: RSA 2048, SHA-224, no SHA-1 */

struct anchor {
	X509 *cert;
	const struct gw_conf_ca *ca;
};

struct gw_trust {
	X509_STORE *store;
	struct anchor *anchors;
	size_t count;
};

/* ---- the registered CAs */

struct gw_trust *
gw_trust_new(void)
{
	struct gw_trust *t = gw_xcalloc(1, sizeof(*t));

	t->store = X509_STORE_new();
	gw_assert(t->store != NULL);
	return t;
}

void
gw_trust_free(struct gw_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		X509_free(t->anchors[i].cert);
	free(t->anchors);
	X509_STORE_free(t->store);
	free(t);
}

enum gw_err
gw_trust_add_cert(struct gw_trust *t, X509 *x, const struct gw_conf_ca *ca,
		  struct gw_error *err)
{
	char subject[80];

	gw_cert_subject(x, subject, sizeof(subject));
	/* 1: basicConstraints says CA. The other kinds of yes are guesses
	 * about certificates from before RFC 2459. */
	if (X509_check_ca(x) != 1)
		return gw_fail(err, GW_ERR_FILE, "ca %.60s: %s is not a CA's",
			       ca->title, subject);
	if (X509_STORE_add_cert(t->store, x) != 1)
		return gw_fail(err, GW_ERR_FILE, "ca %.60s: cannot add %s",
			       ca->title, subject);
	t->anchors = gw_xrealloc(t->anchors, t->count + 1,
				 sizeof(*t->anchors));
	X509_up_ref(x);
	t->anchors[t->count++] = (struct anchor){ x, ca };
	return GW_ERR_OK;
}

enum gw_err
gw_trust_add(struct gw_trust *t, const uint8_t *pem, size_t len,
	     const struct gw_conf_ca *ca, struct gw_error *err)
{
	gw_auto(BIO_free_all) BIO *b = BIO_new_mem_buf(pem, (int)len);
	size_t before = t->count;
	enum gw_err rc = GW_ERR_OK;
	unsigned long why;
	X509 *x;

	if (b == NULL)
		return gw_fail(err, GW_ERR_FILE, "ca %.60s: empty", ca->title);
	while (rc == GW_ERR_OK &&
	       (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		rc = gw_trust_add_cert(t, x, ca, err);
		X509_free(x);
	}
	why = ERR_peek_last_error();
	ERR_clear_error();
	if (rc != GW_ERR_OK)
		return rc;
	/* Only "no further PEM block" is an orderly end. */
	if (t->count == before || ERR_GET_LIB(why) != ERR_LIB_PEM ||
	    ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
		return gw_fail(err, GW_ERR_FILE,
			       "ca %.60s: not a PEM certificate", ca->title);
	return GW_ERR_OK;
}

size_t
gw_trust_count(const struct gw_trust *t)
{
	return t->count;
}

const X509 *
gw_trust_cert(const struct gw_trust *t, size_t i)
{
	return t->anchors[i].cert;
}

const struct gw_conf_ca *
gw_trust_ca(const struct gw_trust *t, size_t i)
{
	return t->anchors[i].ca;
}

static const struct anchor *
find_anchor(const struct gw_trust *t, const X509 *x)
{
	for (size_t i = 0; i < t->count; i++)
		if (X509_cmp(t->anchors[i].cert, x) == 0)
			return &t->anchors[i];
	return NULL;
}

bool
gw_trust_has(const struct gw_trust *t, const X509 *x)
{
	return find_anchor(t, x) != NULL;
}

/* ---- verification */

/* To libcrypto a certificate has expired in the last second of its life,
 * which RFC 5280, 4.1.2.5, counts in. Then there is the section's skew; where
 * libcrypto verifies by a context of its own there is none. */
static bool
is_within_skew(X509_STORE_CTX *ctx)
{
	const struct gw_chain_rules *rules = X509_STORE_CTX_get_app_data(ctx);
	time_t now = X509_VERIFY_PARAM_get_time(
		X509_STORE_CTX_get0_param(ctx));
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	int64_t skew = rules != NULL ? rules->skew_s : 0;

	if (x == NULL)
		return false;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return now - gw_cert_not_after(x) <= skew;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return gw_cert_not_before(x) - now <= skew;
	default:
		return false;
	}
}

/* A CA "MUST" have a key usage extension (RFC 5280, 4.2.1.3), but one without
 * it may sign certificates (6.1.4 (n)) and lists (6.3.3 (f)). */
static bool
is_unlimited(X509_STORE_CTX *ctx)
{
	return X509_STORE_CTX_get_error(ctx) ==
	       X509_V_ERR_CA_CERT_MISSING_KEY_USAGE;
}

int
gw_chain_callback(int ok, X509_STORE_CTX *ctx)
{
	if (ok == 0 && (is_within_skew(ctx) || is_unlimited(ctx))) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	return gw_constraints_callback(ok, ctx);
}

/* To libcrypto no policies means none, not any: a CA that requires explicit
 * policies would then have none acceptable. */
static bool
accept_policies(X509_VERIFY_PARAM *p, STACK_OF(ASN1_OBJECT) *policies)
{
	return policies != NULL
		       ? X509_VERIFY_PARAM_set1_policies(p, policies) == 1
		       : X509_VERIFY_PARAM_add0_policy(
				 p, OBJ_nid2obj(NID_any_policy)) == 1;
}

/* libcrypto counts self-issued CAs, too; rules.h does not. */
static int
longest(const struct gw_chain_rules *rules)
{
	return rules->max_depth + GW_CHAIN_SELF_ISSUED;
}

/* To libcrypto a common name that looks like a host is one, and held to the
 * constraints on DNS names, while no DNS name stands beside it. Cards are
 * issued to "SMITH.JOHN.123": where the certificate has alternative names at
 * all, those are its names. Where it has none, the guess stands. */
static bool
has_names(const X509 *leaf)
{
	return X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0;
}

/* No purpose is set: libcrypto's idea of a TLS client is looser than ours in
 * one place and stricter in another; see profile.h and rules.h. */
X509_STORE_CTX *
gw_chain_context(X509_STORE *store, X509 *leaf, STACK_OF(X509) *untrusted,
		 const struct gw_chain_rules *rules, time_t now,
		 unsigned long flags)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, leaf, untrusted) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_POLICY_CHECK |
				    X509_V_FLAG_TRUSTED_FIRST |
				    rules->policy_flags | flags);
	if (!rules->is_lenient)
		X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_auth_level(p, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(p, longest(rules));
	if (has_names(leaf))
		X509_VERIFY_PARAM_set_hostflags(
			p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	X509_VERIFY_PARAM_set_time(p, now);
	X509_STORE_CTX_set_verify_cb(ctx, gw_chain_callback);
	X509_STORE_CTX_set_app_data(ctx, (void *)(uintptr_t)rules);
	if (!accept_policies(p, rules->policies)) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* The path ended at a certificate that is no registered root: then a
 * registered intermediate may be its end. Any other refusal stands. */
static bool
wants_partial(int error)
{
	static const int codes[] = {
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
		X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	};

	for (size_t i = 0; i < GW_COUNT(codes); i++)
		if (codes[i] == error)
			return true;
	return false;
}

static void
note_validity(struct gw_path *p)
{
	for (int i = 0; i < sk_X509_num(p->certs); i++) {
		const X509 *x = sk_X509_value(p->certs, i);
		time_t from = gw_cert_not_before(x);
		time_t to = gw_cert_not_after(x);

		p->not_before = i == 0 ? from : GW_MAX(p->not_before, from);
		p->not_after = i == 0 ? to : GW_MIN(p->not_after, to);
	}
}

static enum gw_err
take_path(const struct gw_trust *t, X509_STORE_CTX *ctx, struct gw_path *out,
	  struct gw_error *err)
{
	STACK_OF(X509) *certs = X509_STORE_CTX_get0_chain(ctx);
	int n = sk_X509_num(certs);
	const struct anchor *nearest = NULL;

	if (n < 2)
		return gw_fail(err, GW_ERR_CERT_UNTRUSTED,
			       "a registered CA is nobody's card");
	/* fail closed: libcrypto's word for it is not enough. */
	if (find_anchor(t, sk_X509_value(certs, n - 1)) == NULL)
		return gw_fail(err, GW_ERR_CERT_UNTRUSTED,
			       "the path does not end at a registered CA");
	for (int i = 1; i < n && nearest == NULL; i++)
		nearest = find_anchor(t, sk_X509_value(certs, i));
	out->certs = X509_chain_up_ref(certs);
	gw_assert(out->certs != NULL);
	out->ca = nearest->ca;
	note_validity(out);
	return GW_ERR_OK;
}

/* One path by libcrypto. `*code` is an X509_V_ERR_. */
static enum gw_err
try_once(const struct gw_trust *t, X509_STORE *store,
	 const struct gw_chain_rules *rules, STACK_OF(X509) *given, time_t now,
	 unsigned long flags, int *code, struct gw_path *out,
	 struct gw_error *err)
{
	gw_auto(X509_STORE_CTX_free) X509_STORE_CTX *ctx =
		gw_chain_context(store, sk_X509_value(given, 0), given, rules,
				 now, flags);
	enum gw_err rc;
	bool is_good;

	*code = X509_V_ERR_UNSPECIFIED;
	if (ctx == NULL)
		return gw_fail(err, GW_ERR_INTERNAL, "cannot verify");
	is_good = X509_verify_cert(ctx) == 1;
	*code = X509_STORE_CTX_get_error(ctx);
	if (!is_good || *code != X509_V_OK)
		rc = gw_chain_tell(ctx, err);
	else
		rc = gw_rules_check(X509_STORE_CTX_get0_chain(ctx), rules,
				    err);
	if (rc == GW_ERR_OK)
		rc = take_path(t, ctx, out, err);
	if (rc == GW_ERR_OK && rules->admits != NULL) {
		rc = rules->admits(out, rules, now, err);
		if (rc != GW_ERR_OK)
			gw_path_clear(out);
	}
	ERR_clear_error();
	return rc;
}

/* ---- other ways up */

struct attempt {
	const struct gw_trust *t;
	const struct gw_chain_rules *rules;
	X509 *leaf;
	time_t now;
	struct gw_path *out;
};

static bool
may_issue(void *arg, X509 *x)
{
	const struct attempt *a = arg;

	return a->now - gw_cert_not_after(x) <= a->rules->skew_s &&
	       gw_cert_not_before(x) - a->now <= a->rules->skew_s &&
	       gw_rules_may_issue(x, a->leaf, a->rules);
}

/* `way`: leaf first, ends at a registered CA, which alone is trusted here, so
 * that libcrypto has nowhere else to go. */
static bool
try_way(void *arg, STACK_OF(X509) *way)
{
	const struct attempt *a = arg;
	gw_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	X509 *end = sk_X509_value(way, sk_X509_num(way) - 1);
	int code;

	return store != NULL && X509_STORE_add_cert(store, end) == 1 &&
	       try_once(a->t, store, a->rules, way, a->now,
			X509_V_FLAG_PARTIAL_CHAIN, &code, a->out, NULL) ==
		       GW_ERR_OK;
}

static bool
try_others(const struct gw_trust *t, const struct gw_chain_rules *rules,
	   STACK_OF(X509) *given, time_t now, struct gw_path *out)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();
	struct attempt a = { t, rules, sk_X509_value(given, 0), now, out };
	const struct gw_ways ways = { given, anchors, longest(rules),
				      may_issue, try_way, &a };
	bool found;

	gw_assert(anchors != NULL);
	for (size_t i = 0; i < t->count; i++)
		gw_assert(sk_X509_push(anchors, t->anchors[i].cert) > 0);
	found = gw_paths_any(&ways);
	sk_X509_free(anchors);
	return found;
}

enum gw_err
gw_chain_verify(const struct gw_trust *t, const struct gw_chain_rules *rules,
		STACK_OF(X509) *given, time_t now, struct gw_path *out,
		struct gw_error *err)
{
	int code;
	enum gw_err rc = try_once(t, t->store, rules, given, now, 0, &code,
				  out, err);

	if (rc != GW_ERR_OK && wants_partial(code))
		rc = try_once(t, t->store, rules, given, now,
			      X509_V_FLAG_PARTIAL_CHAIN, &code, out, err);
	if (rc != GW_ERR_OK && try_others(t, rules, given, now, out))
		rc = GW_ERR_OK;
	return rc;
}

X509 *
gw_path_leaf(const struct gw_path *p)
{
	return sk_X509_value(p->certs, 0);
}

X509 *
gw_path_issuer(const struct gw_path *p)
{
	return sk_X509_value(p->certs, 1);
}

void
gw_path_clear(struct gw_path *p)
{
	gw_certs_free(p->certs);
	*p = (struct gw_path){ .certs = NULL };
}

bool
gw_path_is_same(const struct gw_path *a, const struct gw_path *b)
{
	int n = sk_X509_num(a->certs);

	if (a->ca != b->ca || n != sk_X509_num(b->certs))
		return false;
	for (int i = 0; i < n; i++)
		if (X509_cmp(sk_X509_value(a->certs, i),
			     sk_X509_value(b->certs, i)) != 0)
			return false;
	return true;
}

void
gw_path_ref(const struct gw_path *p, struct gw_path *out)
{
	*out = *p;
	out->certs = X509_chain_up_ref(p->certs);
	gw_assert(out->certs != NULL);
}
