/* own.c — see own.h. */
#include "own.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#define SKEW_S 300 /* a responder's clock may be ahead of ours so much */

GW_DEFINE_CLEANUP(OCSP_RESPONSE *, OCSP_RESPONSE_free)
GW_DEFINE_CLEANUP(OCSP_BASICRESP *, OCSP_BASICRESP_free)
GW_DEFINE_CLEANUP(OCSP_CERTID *, OCSP_CERTID_free)
GW_DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
GW_DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)

/* ---- names */

/* A host name, or one with a star for its first label. */
static bool
is_name(const char *s, size_t len)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (len > 2 && s[0] == '*' && s[1] == '.') {
		s += 2;
		len -= 2;
	}
	if (len == 0 || len > 253 || s[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '\0' || strchr(ok, s[i]) == NULL)
			return false;
	return true;
}

void
gw_own_lower(char *name)
{
	for (; *name != '\0'; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

static void
add_name(struct gw_strlist *l, const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);
	char *name;

	if (l->n == GW_OWN_NAMES_MAX || !is_name(p, len))
		return;
	name = gw_xasprintf("%.*s", (int)len, p);
	gw_own_lower(name);
	gw_strlist_take(l, name);
}

void
gw_own_names(X509 *leaf, struct gw_strlist *out)
{
	gw_auto(GENERAL_NAMES_free) GENERAL_NAMES *san =
		X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	X509_NAME *subject = X509_get_subject_name(leaf);
	bool has_dns = false;
	int at;

	*out = (struct gw_strlist){ .n = 0 };
	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(san, i);

		if (g->type != GEN_DNS)
			continue;
		has_dns = true;
		add_name(out, g->d.dNSName);
	}
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (!has_dns && at >= 0)
		add_name(out, X509_NAME_ENTRY_get_data(
				      X509_NAME_get_entry(subject, at)));
	ERR_clear_error();
}

const char *
gw_own_shared_name(const struct gw_strlist *a, const struct gw_strlist *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (gw_strlist_has(b, a->v[i]))
			return a->v[i];
	return NULL;
}

int
gw_own_key_type(X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);

	return key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
}

/* ---- stapling */

static X509 *
issuer_of(X509 *leaf, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i), leaf) ==
		    X509_V_OK)
			return sk_X509_value(chain, i);
	return NULL;
}

/* The answer about the leaf, whatever hash its CertID is made with. */
static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
		gw_auto(OCSP_CERTID_free) OCSP_CERTID *ours = NULL;
		ASN1_OBJECT *md = NULL;
		const EVP_MD *hash;

		if (OCSP_id_get0_info(NULL, &md, NULL, NULL,
				      (OCSP_CERTID *)(uintptr_t)id) != 1)
			continue;
		hash = EVP_get_digestbyobj(md);
		ours = hash != NULL ? OCSP_cert_to_id(hash, leaf, issuer)
				    : NULL;
		if (ours != NULL && OCSP_id_cmp(ours, id) == 0)
			return single;
	}
	return NULL;
}

/* By the issuer itself, or by whom it named for that (RFC 6960, 4.2.2.2). */
static bool
is_signed(OCSP_BASICRESP *basic, X509 *issuer)
{
	gw_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();

	return store != NULL && X509_STORE_add_cert(store, issuer) == 1 &&
	       X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	       OCSP_basic_verify(basic, NULL, store, 0) == 1;
}

static time_t
time_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm tm = { 0 };

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static enum gw_staple
judge_single(OCSP_SINGLERESP *single, time_t now, time_t *out_until)
{
	ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
	int status = OCSP_single_get0_status(single, NULL, NULL, &from,
					     &until);

	*out_until = time_of(until);
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return GW_STAPLE_NOT_GOOD;
	if (from == NULL || time_of(from) > now + SKEW_S)
		return GW_STAPLE_EARLY;
	return *out_until > now ? GW_STAPLE_OK : GW_STAPLE_OVER;
}

static enum gw_staple
judge(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, time_t now,
      time_t *out_until)
{
	OCSP_SINGLERESP *single = find_single(basic, leaf, issuer);

	if (single == NULL)
		return GW_STAPLE_FOREIGN;
	if (!is_signed(basic, issuer))
		return GW_STAPLE_SIGNER;
	return judge_single(single, now, out_until);
}

enum gw_staple
gw_own_judge_staple(const uint8_t *der, size_t len, X509 *leaf,
		    STACK_OF(X509) *chain, time_t now, time_t *out_until)
{
	const uint8_t *p = der;
	gw_auto(OCSP_RESPONSE_free) OCSP_RESPONSE *resp =
		d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	gw_auto(OCSP_BASICRESP_free) OCSP_BASICRESP *basic = NULL;
	X509 *issuer = issuer_of(leaf, chain);
	enum gw_staple s = GW_STAPLE_MALFORMED;

	*out_until = 0;
	if (resp != NULL && p == der + len &&
	    OCSP_response_status(resp) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(resp);
	if (basic != NULL)
		s = issuer != NULL ? judge(basic, leaf, issuer, now, out_until)
				   : GW_STAPLE_NO_ISSUER;
	ERR_clear_error();
	return s;
}

const char *
gw_staple_text(enum gw_staple s)
{
	static const char *const texts[] = {
		[GW_STAPLE_OK] = "is good",
		[GW_STAPLE_MALFORMED] = "is no successful OCSP response in "
					"DER form",
		[GW_STAPLE_NO_ISSUER] = "cannot be judged: the issuer's "
					"certificate does not follow the "
					"gateway's in its file",
		[GW_STAPLE_FOREIGN] = "is about another certificate",
		[GW_STAPLE_SIGNER] = "is signed by nobody who may speak for "
				     "the issuer",
		[GW_STAPLE_NOT_GOOD] = "does not say that the certificate is "
				       "good",
		[GW_STAPLE_EARLY] = "is not valid yet",
		[GW_STAPLE_OVER] = "has ended",
	};

	return texts[s];
}
