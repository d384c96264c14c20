/* chain.c — see chain.h. RFC 5280, 6.1, by X509_verify_cert(). */
#include "chain.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define SECURITY_LEVEL 2 /* 112 bits: RSA 2048, SHA-224, no SHA-1 */

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

static enum gw_err
add_one(struct gw_trust *t, X509 *x, const struct gw_conf_ca *ca,
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
		rc = add_one(t, x, ca, err);
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

/* ---- reasons */

#define E(name) [X509_V_ERR_##name]
static const enum gw_err reasons[] = {
	E(CERT_HAS_EXPIRED)                   = GW_ERR_CERT_EXPIRED,
	E(CERT_NOT_YET_VALID)                 = GW_ERR_CERT_NOT_YET_VALID,
	E(ERROR_IN_CERT_NOT_BEFORE_FIELD)     = GW_ERR_CERT_MALFORMED,
	E(ERROR_IN_CERT_NOT_AFTER_FIELD)      = GW_ERR_CERT_MALFORMED,
	E(UNABLE_TO_DECRYPT_CERT_SIGNATURE)   = GW_ERR_CERT_BAD_SIGNATURE,
	E(CERT_SIGNATURE_FAILURE)             = GW_ERR_CERT_BAD_SIGNATURE,
	E(SIGNATURE_ALGORITHM_MISMATCH)       = GW_ERR_CERT_BAD_SIGNATURE,
	E(SIGNATURE_ALGORITHM_INCONSISTENCY)  = GW_ERR_CERT_BAD_SIGNATURE,
	E(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY) = GW_ERR_CERT_MALFORMED,
	E(NO_ISSUER_PUBLIC_KEY)               = GW_ERR_CERT_MALFORMED,
	E(INVALID_EXTENSION)                  = GW_ERR_CERT_MALFORMED,
	E(CERT_CHAIN_TOO_LONG)                = GW_ERR_CERT_CONSTRAINT,
	E(PATH_LENGTH_EXCEEDED)               = GW_ERR_CERT_CONSTRAINT,
	E(INVALID_PURPOSE)                    = GW_ERR_CERT_CONSTRAINT,
	E(INVALID_CA)                         = GW_ERR_CERT_CONSTRAINT,
	E(INVALID_NON_CA)                     = GW_ERR_CERT_CONSTRAINT,
	E(KEYUSAGE_NO_CERTSIGN)               = GW_ERR_CERT_CONSTRAINT,
	E(KEYUSAGE_NO_DIGITAL_SIGNATURE)      = GW_ERR_CERT_CONSTRAINT,
	E(UNHANDLED_CRITICAL_EXTENSION)       = GW_ERR_CERT_CONSTRAINT,
	E(UNSUPPORTED_EXTENSION_FEATURE)      = GW_ERR_CERT_CONSTRAINT,
	E(PROXY_CERTIFICATES_NOT_ALLOWED)     = GW_ERR_CERT_CONSTRAINT,
	E(PROXY_PATH_LENGTH_EXCEEDED)         = GW_ERR_CERT_CONSTRAINT,
	E(PROXY_SUBJECT_NAME_VIOLATION)       = GW_ERR_CERT_CONSTRAINT,
	E(UNNESTED_RESOURCE)                  = GW_ERR_CERT_CONSTRAINT,
	E(PERMITTED_VIOLATION)                = GW_ERR_CERT_CONSTRAINT,
	E(EXCLUDED_VIOLATION)                 = GW_ERR_CERT_CONSTRAINT,
	E(SUBTREE_MINMAX)                     = GW_ERR_CERT_CONSTRAINT,
	E(UNSUPPORTED_CONSTRAINT_TYPE)        = GW_ERR_CERT_CONSTRAINT,
	E(UNSUPPORTED_CONSTRAINT_SYNTAX)      = GW_ERR_CERT_CONSTRAINT,
	E(UNSUPPORTED_NAME_SYNTAX)            = GW_ERR_CERT_CONSTRAINT,
	E(PATHLEN_INVALID_FOR_NON_CA)         = GW_ERR_CERT_CONSTRAINT,
	E(PATHLEN_WITHOUT_KU_KEY_CERT_SIGN)   = GW_ERR_CERT_CONSTRAINT,
	E(KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA) = GW_ERR_CERT_CONSTRAINT,
	E(ISSUER_NAME_EMPTY)                  = GW_ERR_CERT_CONSTRAINT,
	E(SUBJECT_NAME_EMPTY)                 = GW_ERR_CERT_CONSTRAINT,
	E(MISSING_AUTHORITY_KEY_IDENTIFIER)   = GW_ERR_CERT_CONSTRAINT,
	E(MISSING_SUBJECT_KEY_IDENTIFIER)     = GW_ERR_CERT_CONSTRAINT,
	E(EMPTY_SUBJECT_ALT_NAME)             = GW_ERR_CERT_CONSTRAINT,
	E(EMPTY_SUBJECT_SAN_NOT_CRITICAL)     = GW_ERR_CERT_CONSTRAINT,
	E(CA_BCONS_NOT_CRITICAL)              = GW_ERR_CERT_CONSTRAINT,
	E(AUTHORITY_KEY_IDENTIFIER_CRITICAL)  = GW_ERR_CERT_CONSTRAINT,
	E(SUBJECT_KEY_IDENTIFIER_CRITICAL)    = GW_ERR_CERT_CONSTRAINT,
	E(CA_CERT_MISSING_KEY_USAGE)          = GW_ERR_CERT_CONSTRAINT,
	E(EXTENSIONS_REQUIRE_VERSION_3)       = GW_ERR_CERT_CONSTRAINT,
	E(INVALID_POLICY_EXTENSION)           = GW_ERR_CERT_POLICY,
	E(NO_EXPLICIT_POLICY)                 = GW_ERR_CERT_POLICY,
	E(EE_KEY_TOO_SMALL)                   = GW_ERR_CERT_WEAK_KEY,
	E(CA_KEY_TOO_SMALL)                   = GW_ERR_CERT_WEAK_KEY,
	E(CA_MD_TOO_WEAK)                     = GW_ERR_CERT_WEAK_KEY,
	E(UNSUPPORTED_SIGNATURE_ALGORITHM)    = GW_ERR_CERT_WEAK_KEY,
	E(EC_KEY_EXPLICIT_PARAMS)             = GW_ERR_CERT_WEAK_KEY,
};
#undef E

enum gw_err
gw_chain_reason(int x509_error)
{
	if (x509_error < 0 || (size_t)x509_error >= GW_COUNT(reasons) ||
	    reasons[x509_error] == GW_ERR_OK)
		return GW_ERR_CERT_UNTRUSTED; /* fail closed */
	return reasons[x509_error];
}

/* "No use for TLS clients" is key usage or extended key usage; users and
 * operators want to know which. */
static enum gw_err
purpose_reason(X509 *x)
{
	uint32_t usage = X509_get_extended_key_usage(x);

	return usage != UINT32_MAX && (usage & XKU_SSL_CLIENT) == 0
		       ? GW_ERR_CERT_EKU : GW_ERR_CERT_CONSTRAINT;
}

static enum gw_err
tell(X509_STORE_CTX *ctx, struct gw_error *err)
{
	int code = X509_STORE_CTX_get_error(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	enum gw_err reason = gw_chain_reason(code);
	char subject[96] = "-";

	if (x != NULL)
		gw_cert_subject(x, subject, sizeof(subject));
	if (code == X509_V_ERR_INVALID_PURPOSE && depth == 0 && x != NULL)
		reason = purpose_reason(x);
	return gw_fail(err, reason, "depth %d, %s: %s", depth, subject,
		       X509_verify_cert_error_string(code));
}

/* ---- verification */

static X509_STORE_CTX *
new_context(const struct gw_trust *t, const struct gw_chain_rules *rules,
	    STACK_OF(X509) *given, time_t now, unsigned long flags)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, t->store, sk_X509_value(given, 0),
				given) != 1 ||
	    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT |
				    X509_V_FLAG_POLICY_CHECK |
				    X509_V_FLAG_TRUSTED_FIRST | flags);
	X509_VERIFY_PARAM_set_auth_level(p, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(p, rules->max_depth);
	X509_VERIFY_PARAM_set_time(p, now);
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

static enum gw_err
take_path(const struct gw_trust *t, X509_STORE_CTX *ctx, struct gw_path *out,
	  struct gw_error *err)
{
	STACK_OF(X509) *certs = X509_STORE_CTX_get0_chain(ctx);
	int n = sk_X509_num(certs);
	const struct anchor *nearest = NULL;
	time_t not_after = 0;

	if (n < 2)
		return gw_fail(err, GW_ERR_CERT_UNTRUSTED,
			       "a registered CA is nobody's card");
	/* fail closed: libcrypto's word for it is not enough. */
	if (find_anchor(t, sk_X509_value(certs, n - 1)) == NULL)
		return gw_fail(err, GW_ERR_CERT_UNTRUSTED,
			       "the path does not end at a registered CA");
	for (int i = 0; i < n; i++) {
		time_t end = gw_cert_not_after(sk_X509_value(certs, i));

		not_after = i == 0 ? end : GW_MIN(not_after, end);
		if (i > 0 && nearest == NULL)
			nearest = find_anchor(t, sk_X509_value(certs, i));
	}
	out->certs = X509_chain_up_ref(certs);
	gw_assert(out->certs != NULL);
	out->ca = nearest->ca;
	out->not_after = not_after;
	return GW_ERR_OK;
}

static enum gw_err
try_once(const struct gw_trust *t, const struct gw_chain_rules *rules,
	 STACK_OF(X509) *given, time_t now, unsigned long flags, int *code,
	 struct gw_path *out, struct gw_error *err)
{
	gw_auto(X509_STORE_CTX_free) X509_STORE_CTX *ctx =
		new_context(t, rules, given, now, flags);
	enum gw_err rc;

	*code = X509_V_ERR_UNSPECIFIED;
	if (ctx == NULL)
		return gw_fail(err, GW_ERR_INTERNAL, "cannot verify");
	if (X509_verify_cert(ctx) == 1) {
		*code = X509_STORE_CTX_get_error(ctx);
		rc = *code == X509_V_OK ? take_path(t, ctx, out, err)
					: tell(ctx, err);
	} else {
		*code = X509_STORE_CTX_get_error(ctx);
		rc = tell(ctx, err);
	}
	ERR_clear_error();
	return rc;
}

enum gw_err
gw_chain_verify(const struct gw_trust *t, const struct gw_chain_rules *rules,
		STACK_OF(X509) *given, time_t now, struct gw_path *out,
		struct gw_error *err)
{
	int code;
	enum gw_err rc = try_once(t, rules, given, now, 0, &code, out, err);

	if (rc != GW_ERR_OK && wants_partial(code))
		rc = try_once(t, rules, given, now, X509_V_FLAG_PARTIAL_CHAIN,
			      &code, out, err);
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
