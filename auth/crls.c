/* crls.c — see crls.h. */
#include "crls.h"
#include "crl.h"
#include "strength.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

GW_DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)
GW_DEFINE_CLEANUP(struct gw_crl *, gw_crl_free)

struct gw_crls {
	STACK_OF(X509_CRL) *lists; /* references */
	struct gw_crl **indexed;
	size_t indexed_count;
	struct gw_error unusable; /* the first list that was left out */
	bool has_unnumbered;
};

struct gw_crls *
gw_crls_new(void)
{
	struct gw_crls *c = gw_xcalloc(1, sizeof(*c));

	c->lists = sk_X509_CRL_new_null();
	gw_assert(c->lists != NULL);
	return c;
}

void
gw_crls_free(struct gw_crls *c)
{
	if (c == NULL)
		return;
	sk_X509_CRL_pop_free(c->lists, X509_CRL_free);
	for (size_t i = 0; i < c->indexed_count; i++)
		gw_crl_free(c->indexed[i]);
	free(c->indexed);
	free(c);
}

size_t
gw_crls_count(const struct gw_crls *c)
{
	return (size_t)sk_X509_CRL_num(c->lists);
}

/* ---- adding */

static enum gw_err
check_strength(const X509_CRL *crl, struct gw_error *err)
{
	const X509_ALGOR *alg = NULL;

	X509_CRL_get0_signature(crl, NULL, &alg);
	if (gw_signature_is_strong(alg))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_REVOCATION_SIGNER,
		       "CRL signed with a weak algorithm (%.40s)",
		       OBJ_nid2ln(X509_CRL_get_signature_nid(crl)));
}

static bool
is_numbered(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) >= 0;
}

static bool
is_delta(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

/* The view has no entries for libcrypto to find removeFromCRL in, so a delta
 * is handed over whole. */
static enum gw_err
parse(const uint8_t *der, size_t len, struct gw_crl_list *out,
      struct gw_error *err)
{
	gw_auto(gw_crl_free) struct gw_crl *crl = NULL;
	const uint8_t *p = der;
	X509_CRL *delta = NULL;
	enum gw_err rc = gw_crl_parse(der, len, &crl, err);

	if (rc == GW_ERR_OK)
		rc = check_strength(gw_crl_get0_x509(crl), err);
	if (rc != GW_ERR_OK)
		return rc;
	if (is_delta(gw_crl_get0_x509(crl))) {
		delta = d2i_X509_CRL(NULL, &p, (long)len);
		if (delta == NULL)
			return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
				       "delta CRL: an entry is broken");
	}
	*out = (struct gw_crl_list){ gw_steal(&crl), delta };
	return GW_ERR_OK;
}

enum gw_err
gw_crl_list_parse(const uint8_t *der, size_t len, struct gw_crl_list *out,
		  struct gw_error *err)
{
	enum gw_err rc = parse(der, len, out, err);

	ERR_clear_error();
	return rc;
}

void
gw_crl_list_clear(struct gw_crl_list *l)
{
	gw_crl_free(l->crl);
	X509_CRL_free(l->delta);
	*l = (struct gw_crl_list){ .crl = NULL };
}

X509_CRL *
gw_crl_list_get0_x509(const struct gw_crl_list *l)
{
	return l->delta != NULL ? l->delta : gw_crl_get0_x509(l->crl);
}

bool
gw_crl_list_prove(const struct gw_crl_list *l, X509 *issuer)
{
	X509_CRL *x = gw_crl_get0_x509(l->crl);
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool ok = key != NULL &&
		  X509_NAME_cmp(X509_CRL_get_issuer(x),
				X509_get_subject_name(issuer)) == 0 &&
		  X509_CRL_verify(x, key) == 1;

	ERR_clear_error();
	return ok;
}

static ASN1_INTEGER *
number_of(const struct gw_crl_list *l, int nid)
{
	return X509_CRL_get_ext_d2i(gw_crl_list_get0_x509(l), nid, NULL, NULL);
}

/* Less than 0, 0 or more, as strcmp(); false when one of them has none. */
static bool
compare(const struct gw_crl_list *a, int nid_a, const struct gw_crl_list *b,
	int nid_b, int *out)
{
	gw_auto(ASN1_INTEGER_free) ASN1_INTEGER *i = number_of(a, nid_a);
	gw_auto(ASN1_INTEGER_free) ASN1_INTEGER *k = number_of(b, nid_b);

	if (i == NULL || k == NULL)
		return false;
	*out = ASN1_INTEGER_cmp(i, k);
	return true;
}

bool
gw_crl_list_precedes(const struct gw_crl_list *l,
		     const struct gw_crl_list *other)
{
	int n;

	return compare(l, NID_crl_number, other, NID_crl_number, &n) && n < 0;
}

/* Neither has it, or both have it alike. */
static bool
is_alike(const X509_CRL *a, const X509_CRL *b, int nid)
{
	int i = X509_CRL_get_ext_by_NID(a, nid, -1);
	int k = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i < 0 || k < 0)
		return i < 0 && k < 0;
	return ASN1_STRING_cmp(
		       X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
		       X509_EXTENSION_get_data(X509_CRL_get_ext(b, k))) == 0;
}

static bool
is_of_one_scope(const X509_CRL *a, const X509_CRL *b)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) ==
		       0 &&
	       is_alike(a, b, NID_authority_key_identifier) &&
	       is_alike(a, b, NID_issuing_distribution_point);
}

bool
gw_crl_list_completes(const struct gw_crl_list *delta,
		      const struct gw_crl_list *full)
{
	int n;

	return compare(delta, NID_delta_crl, full, NID_crl_number, &n) &&
	       n <= 0 &&
	       gw_crl_list_precedes(full, delta) &&
	       is_of_one_scope(gw_crl_list_get0_x509(full),
			       gw_crl_list_get0_x509(delta));
}

void
gw_crls_borrow(struct gw_crls *c, const struct gw_crl_list *l)
{
	X509_CRL *x = gw_crl_list_get0_x509(l);

	c->has_unnumbered |= !is_numbered(x);
	gw_assert(X509_CRL_up_ref(x) == 1 &&
		  sk_X509_CRL_push(c->lists, x) > 0);
}

static enum gw_err
add(struct gw_crls *c, const uint8_t *der, size_t len, struct gw_error *err)
{
	struct gw_crl_list l;
	enum gw_err rc = parse(der, len, &l, err);

	if (rc != GW_ERR_OK)
		return rc;
	gw_crls_borrow(c, &l);
	X509_CRL_free(l.delta);
	c->indexed = gw_xrealloc(c->indexed, c->indexed_count + 1,
				 sizeof(struct gw_crl *));
	c->indexed[c->indexed_count++] = l.crl;
	return GW_ERR_OK;
}

enum gw_err
gw_crls_add(struct gw_crls *c, const uint8_t *der, size_t len,
	    struct gw_error *err)
{
	struct gw_error why = { .code = GW_ERR_OK };
	enum gw_err rc = add(c, der, len, &why);

	ERR_clear_error();
	if (rc == GW_ERR_OK)
		return rc;
	if (c->unusable.code == GW_ERR_OK)
		c->unusable = why;
	return gw_fail(err, rc, "%s", why.detail);
}

/* ---- asking */

/* What is wrong about a list for the registered CA itself says nothing: a
 * trust anchor is not in the path (RFC 5280, 6.1), so that nobody need have a
 * list about it. libcrypto asks all the same. What is wrong with a list that
 * the leaf needs, too, it has said by then. */
static bool
is_about_anchor(X509_STORE_CTX *ctx)
{
	int last = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;

	if (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL ||
	    X509_STORE_CTX_get_error_depth(ctx) != last)
		return false;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return true;
	default:
		return false;
	}
}

static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	if (ok == 0 && is_about_anchor(ctx)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	return gw_chain_callback(ok, ctx);
}

static STACK_OF(X509) *
both(STACK_OF(X509) *path, STACK_OF(X509) *given)
{
	STACK_OF(X509) *all = sk_X509_dup(path);

	gw_assert(all != NULL);
	for (int i = 0; i < sk_X509_num(given); i++)
		gw_assert(sk_X509_push(all, sk_X509_value(given, i)) > 0);
	return all;
}

static int
reason_of(const X509_REVOKED *r)
{
	gw_auto(ASN1_ENUMERATED_free) ASN1_ENUMERATED *e =
		X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);

	return e != NULL ? (int)ASN1_ENUMERATED_get(e) : -1;
}

static void
say_entry(const X509_REVOKED *r, char out[80])
{
	char when[32] = "?";
	int reason = reason_of(r);
	struct tm tm;
	time_t t;

	if (gw_asn1_time(X509_REVOKED_get0_revocationDate(r), &t) &&
	    gmtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	gw_format(out, 80, "revoked at %s, reason %s", when,
		  reason < 0 ? "not given" : OCSP_crl_reason_str(reason));
}

/* What a list of its CA says about the certificate found revoked. */
static bool
find_entry(const struct gw_crls *c, X509 *x, char out[80])
{
	for (int i = 0; x != NULL && i < sk_X509_CRL_num(c->lists); i++) {
		X509_CRL *crl = sk_X509_CRL_value(c->lists, i);
		X509_REVOKED *r = NULL;

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
				  X509_get_issuer_name(x)) != 0 ||
		    X509_CRL_get0_by_cert(crl, &r, x) != 1)
			continue;
		say_entry(r, out);
		return true;
	}
	return false;
}

/* "No list" is half an answer when one was there that may not be used. */
static enum gw_err
tell(const struct gw_crls *c, X509_STORE_CTX *ctx, struct gw_error *err)
{
	struct gw_error why;
	enum gw_err rc = gw_chain_tell(ctx, &why);
	char entry[80];

	if (rc == GW_ERR_CERT_REVOKED &&
	    find_entry(c, X509_STORE_CTX_get_current_cert(ctx), entry))
		return gw_fail(err, rc, "depth %d: %s",
			       X509_STORE_CTX_get_error_depth(ctx), entry);
	if (rc == GW_ERR_REVOCATION_UNAVAILABLE &&
	    c->unusable.code != GW_ERR_OK)
		return gw_fail(err, c->unusable.code, "%.110s; %.70s",
			       why.detail, c->unusable.detail);
	return gw_fail(err, rc, "%s", why.detail);
}

static enum gw_err
ask(const struct gw_crls *c, X509_STORE_CTX *ctx, STACK_OF(X509_CRL) *lists,
    struct gw_error *err)
{
	X509_STORE_CTX_set_verify_cb(ctx, on_verify);
	X509_STORE_CTX_set0_crls(ctx, lists);
	if (X509_verify_cert(ctx) != 1 ||
	    X509_STORE_CTX_get_error(ctx) != X509_V_OK)
		return tell(c, ctx, err);
	return GW_ERR_OK;
}

struct inquiry {
	const struct gw_path *path;
	int depth;
	unsigned long flags; /* whose revocation is asked about */
	STACK_OF(X509) *given;
	const struct gw_chain_rules *rules;
	time_t now;
};

#define CHECK_FLAGS \
	(X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK | \
	 X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS)

static enum gw_err
check_with(const struct gw_crls *c, STACK_OF(X509_CRL) *lists,
	   const struct inquiry *q, struct gw_error *err)
{
	gw_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	gw_auto(X509_STORE_CTX_free) X509_STORE_CTX *ctx = NULL;
	STACK_OF(X509) *certs = q->path->certs, *all = both(certs, q->given);
	X509 *end = sk_X509_value(certs, sk_X509_num(certs) - 1);
	enum gw_err rc = GW_ERR_INTERNAL;

	if (store != NULL && X509_STORE_add_cert(store, end) == 1)
		ctx = gw_chain_context(store, sk_X509_value(certs, q->depth),
				       all, q->rules, q->now,
				       CHECK_FLAGS | q->flags);
	if (ctx != NULL)
		rc = ask(c, ctx, lists, err);
	else
		gw_fail(err, rc, "cannot verify");
	sk_X509_free(all);
	ERR_clear_error();
	return rc;
}

static bool
is_untimely(const X509_CRL *crl, time_t now)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) >= 0 ||
	       next == NULL || X509_cmp_time(next, &now) <= 0;
}

/* A list without a number (RFC 5280, 5.2.3) comes from a CA that does not
 * conform, which its section may be lenient about. */
static bool
may_clear(const X509_CRL *x, const struct inquiry *q)
{
	return is_delta(x) ? !is_untimely(x, q->now)
			   : q->rules->is_lenient || is_numbered(x);
}

/* Borrows; NULL when there are none to leave out. */
static STACK_OF(X509_CRL) *
those_that_clear(const struct gw_crls *c, const struct inquiry *q)
{
	STACK_OF(X509_CRL) *out = sk_X509_CRL_new_null();
	int n = sk_X509_CRL_num(c->lists);

	gw_assert(out != NULL);
	for (int i = 0; i < n; i++) {
		X509_CRL *x = sk_X509_CRL_value(c->lists, i);

		if (may_clear(x, q))
			gw_assert(sk_X509_CRL_push(out, x) > 0);
	}
	if (sk_X509_CRL_num(out) < n)
		return out;
	sk_X509_CRL_free(out);
	return NULL;
}

/* libcrypto does not ask whether a delta is over or of the future, nor for a
 * list's number. Such a one still revokes, for that has been said; but it
 * clears nobody. */
static enum gw_err
check(const struct gw_crls *c, const struct inquiry *q, struct gw_error *err)
{
	enum gw_err rc = check_with(c, c->lists, q, err);
	STACK_OF(X509_CRL) *clearing = NULL;

	if (rc == GW_ERR_OK)
		clearing = those_that_clear(c, q);
	if (clearing == NULL)
		return rc;
	rc = check_with(c, clearing, q, err);
	sk_X509_CRL_free(clearing);
	if (rc == GW_ERR_REVOCATION_UNAVAILABLE && c->has_unnumbered)
		gw_fail(err, rc, "a CRL without a number, and the CA's "
				 "section is not lenient");
	return rc;
}

enum gw_err
gw_crls_check(struct gw_crls *c, const struct gw_path *path,
	      STACK_OF(X509) *given, const struct gw_chain_rules *rules,
	      time_t now, struct gw_error *err)
{
	const struct inquiry q = { path, 0, X509_V_FLAG_CRL_CHECK_ALL, given,
				   rules, now };

	return check(c, &q, err);
}

enum gw_err
gw_crls_check_at(struct gw_crls *c, const struct gw_path *path, int depth,
		 STACK_OF(X509) *given, const struct gw_chain_rules *rules,
		 time_t now, struct gw_error *err)
{
	const struct inquiry q = { path, depth, 0, given, rules, now };

	return check(c, &q, err);
}
