/* RSASSA-PSS from top to bottom: CAs whose keys are for nothing else, the path
 * below them, their responder's answers and their lists. */
#include <criterion/criterion.h>
#include <string.h>

#include "answers.h"
#include "crls.h"
#include "lists.h"
#include "ocsp.h"
#include "gw/util.h"

static const struct gw_conf_ca section = { .title = (char *)"pss" };
static const struct gw_chain_rules rules = { .max_depth = GW_CHAIN_DEPTH };
static struct gw_trust *trust;
static STACK_OF(X509) *given;
static struct gw_error err;

static void
begin(void)
{
	trust = gw_trust_new();
	given = sk_X509_new_null();
	cr_assert_eq(gw_trust_add_cert(trust, vec("pss-root"), &section,
				       &err), GW_ERR_OK);
}

static void
end(void)
{
	gw_trust_free(trust);
	sk_X509_free(given);
}

TestSuite(pss, .init = begin, .fini = end);

static enum gw_err
find_path(const char *card, struct gw_path *out)
{
	sk_X509_push(given, vec(card));
	sk_X509_push(given, vec("pss-ca"));
	return gw_chain_verify(trust, &rules, given, NOW, out, &err);
}

/* ---- paths */

Test(pss, its_keys_are_for_nothing_else)
{
	cr_expect(EVP_PKEY_is_a(X509_get0_pubkey(vec("pss-root")), "RSA-PSS"));
	cr_expect_eq(X509_get_signature_nid(vec("by-pss-ca")),
		     NID_rsassaPss);
}

Test(pss, path)
{
	struct gw_path path;

	cr_assert_eq(find_path("by-pss-ca", &path), GW_ERR_OK, "%s",
		     err.detail);
	cr_expect_eq(sk_X509_num(path.certs), 3);
	gw_path_clear(&path);
}

Test(pss, path_signed_with_sha1)
{
	struct gw_path path = { .certs = NULL };

	cr_expect_eq(find_path("by-pss-sha1", &path), GW_ERR_CERT_WEAK_KEY,
		     "%s", err.detail);
	cr_expect_null(path.certs);
}

static X509 *
forged(const char *name)
{
	struct gw_der der = vec_der(name);
	uint8_t *copy = gw_xcalloc(der.len, 1);
	const uint8_t *p = copy;
	X509 *x;

	memcpy(copy, der.p, der.len);
	copy[der.len - 1] ^= 1; /* of the signature */
	x = d2i_X509(NULL, &p, (long)der.len);
	cr_assert_not_null(x);
	free(copy);
	return x;
}

Test(pss, path_with_a_forged_signature)
{
	struct gw_path path = { .certs = NULL };
	X509 *x = forged("by-pss-ca");

	sk_X509_push(given, x);
	sk_X509_push(given, vec("pss-ca"));
	cr_expect_eq(gw_chain_verify(trust, &rules, given, NOW, &path, &err),
		     GW_ERR_CERT_BAD_SIGNATURE, "%s", err.detail);
	cr_expect_null(path.certs);
	X509_free(x);
}

/* ---- responders */

static enum gw_err
ask_responder(const char *signer, int status, bool is_forged)
{
	static const struct gw_ocsp_rules times = { .skew_s = 300,
						    .max_age_s = 86400 };
	static const struct gw_ocsp_question plain = { .nonce_len = 0 };
	const struct answer a = {
		.signer = signer, .is_pss = true, .n = 1,
		.v = { { .leaf = "by-pss-ca", .issuer = "pss-ca",
			 .status = status, .reason = -1, .this = -60,
			 .next = 3600 } },
		.has_no_certs = is_forged, /* its signature comes last */
	};
	struct gw_ocsp_status s;
	size_t len;
	uint8_t *der = answer_make(&a, &len);
	enum gw_err rc;

	if (is_forged)
		der[len - 1] ^= 1;
	rc = gw_ocsp_judge(vec("by-pss-ca"), vec("pss-ca"), der, len, &plain,
			   &times, NOW, &s, &err);
	OPENSSL_free(der);
	return rc;
}

Test(pss, responder)
{
	cr_expect_eq(ask_responder("ocsp-pss", V_OCSP_CERTSTATUS_GOOD, false),
		     GW_ERR_OK, "%s", err.detail);
	cr_expect_eq(ask_responder("pss-ca", V_OCSP_CERTSTATUS_GOOD, false),
		     GW_ERR_OK, "%s", err.detail);
	cr_expect_eq(ask_responder("ocsp-pss", V_OCSP_CERTSTATUS_REVOKED,
				   false), GW_ERR_CERT_REVOKED);
	cr_expect_eq(ask_responder("pss-ca", V_OCSP_CERTSTATUS_GOOD, true),
		     GW_ERR_REVOCATION_SIGNER, "%s", err.detail);
	cr_expect_eq(ask_responder("pss-root", V_OCSP_CERTSTATUS_GOOD, false),
		     GW_ERR_REVOCATION_SIGNER, "%s", err.detail);
}

/* ---- lists */

static enum gw_err
ask_list(const struct list *l, bool is_forged)
{
	struct gw_path path;
	struct gw_crls *lists = gw_crls_new();
	size_t len;
	uint8_t *der = list_make(l, &len);
	enum gw_err rc;

	if (is_forged)
		der[len - 1] ^= 1;
	cr_assert_eq(find_path("by-pss-ca", &path), GW_ERR_OK, "%s",
		     err.detail);
	rc = gw_crls_add(lists, der, len, &err);
	if (rc == GW_ERR_OK)
		rc = gw_crls_check_at(lists, &path, 0, given, &rules, NOW,
				      &err);
	gw_path_clear(&path);
	gw_crls_free(lists);
	OPENSSL_free(der);
	return rc;
}

Test(pss, list)
{
	cr_expect_eq(ask_list(&(struct list){ .issuer = "pss-ca" }, false),
		     GW_ERR_OK, "%s", err.detail);
	cr_expect_eq(ask_list(&(struct list){ .issuer = "pss-ca",
					      .revoked = { "by-pss-ca" } },
			      false), GW_ERR_CERT_REVOKED, "%s", err.detail);
	cr_expect_eq(ask_list(&(struct list){ .issuer = "pss-ca" }, true),
		     GW_ERR_REVOCATION_SIGNER, "%s", err.detail);
	cr_expect_eq(ask_list(&(struct list){ .issuer = "pss-ca",
					      .key = "pss-root" }, false),
		     GW_ERR_REVOCATION_SIGNER, "%s", err.detail);
}
