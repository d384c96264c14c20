/* ocsp.c — see ocsp.h. The order is: may this responder speak (signer), does
 * it speak about this certificate, is it news, what does it say. libcrypto's
 * OCSP_basic_verify() is not used: it accepts responders by what a store
 * trusts, while only the issuer may decide (RFC 6960, 4.2.2.2). */
#include "ocsp.h"
#include "der.h"
#include "responder.h"
#include "gw/url.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <string.h>

#define SINGLES_MAX 1024

/* ---- whom to ask */

static void
add_url(struct gw_ocsp_urls *u, const char *url)
{
	struct gw_url parsed;

	if (u->n >= GW_OCSP_URLS_MAX || !gw_url_parse(url, &parsed))
		return;
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->v[i], url) == 0)
			return;
	if (gw_copy(u->v[u->n], GW_URL_MAX, url))
		u->n++;
}

void
gw_ocsp_urls(const X509 *leaf, const char *registered, enum gw_ocsp_mode mode,
	     struct gw_ocsp_urls *out)
{
	STACK_OF(OPENSSL_STRING) *aia = NULL;

	out->n = 0;
	if (mode != GW_OCSP_OVERRIDE || registered[0] == '\0')
		aia = X509_get1_ocsp((X509 *)(uintptr_t)leaf);
	for (int i = 0; i < sk_OPENSSL_STRING_num(aia); i++)
		add_url(out, sk_OPENSSL_STRING_value(aia, i));
	X509_email_free(aia);
	if (registered[0] != '\0')
		add_url(out, registered);
}

uint8_t *
gw_ocsp_request(X509 *leaf, X509 *issuer, const struct gw_ocsp_question *q,
		size_t *out_len)
{
	gw_auto(OCSP_REQUEST_free) OCSP_REQUEST *req = OCSP_REQUEST_new();
	const EVP_MD *md = q->hash == GW_OCSP_SHA256 ? EVP_sha256()
						     : EVP_sha1();
	OCSP_CERTID *id = OCSP_cert_to_id(md, leaf, issuer);
	unsigned char *nonce = (unsigned char *)(uintptr_t)q->nonce;
	uint8_t *der = NULL, *copy;
	int len;

	if (req == NULL || id == NULL ||
	    OCSP_request_add0_id(req, id) == NULL) {
		OCSP_CERTID_free(id);
		return NULL;
	}
	if (q->nonce_len > 0 &&
	    OCSP_request_add1_nonce(req, nonce, (int)q->nonce_len) != 1)
		return NULL;
	len = i2d_OCSP_REQUEST(req, &der);
	if (len <= 0)
		return NULL;
	copy = gw_xcalloc((size_t)len, 1);
	memcpy(copy, der, (size_t)len);
	OPENSSL_free(der);
	*out_len = (size_t)len;
	return copy;
}

static size_t
escape(char out[3], char c)
{
	static const char digits[] = "0123456789ABCDEF";

	out[0] = '%';
	out[1] = digits[(unsigned char)c >> 4];
	out[2] = digits[c & 0xf];
	return 3;
}

/* Base64 for a path: all that RFC 3986 does not leave alone is escaped. */
static size_t
put_escaped(char *out, const char *b64)
{
	size_t n = 0;

	for (; *b64 != '\0'; b64++)
		if (strchr("+/=", *b64) == NULL)
			out[n++] = *b64;
		else
			n += escape(out + n, *b64);
	return n;
}

bool
gw_ocsp_get_url(const char *url, const uint8_t *der, size_t len,
		char out[GW_OCSP_GET_MAX])
{
	char b64[GW_OCSP_GET_MAX + 4], path[3 * GW_OCSP_GET_MAX + 16];
	size_t base = strlen(url);

	if (base == 0 || len > GW_OCSP_GET_MAX * 3 / 4 ||
	    strpbrk(url, "?#") != NULL)
		return false;
	EVP_EncodeBlock((unsigned char *)b64, der, (int)len);
	path[put_escaped(path, b64)] = '\0';
	return gw_format(out, GW_OCSP_GET_MAX, "%s%s%s", url,
			 url[base - 1] == '/' ? "" : "/", path);
}

/* ---- parsing */

static enum gw_err
malformed(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_REVOCATION_MALFORMED, "%s", what);
}

/* OCSPResponse with one element in its OCTET STRING: libcrypto would not mind
 * what follows that (4.2.1). */
static bool
is_framed(struct gw_der in)
{
	struct gw_der all, part, bytes;
	uint8_t tag;

	return gw_der_only(in, GW_DER_SEQUENCE, &all) &&
	       gw_der_take(&all, &tag, &part) && /* the status */
	       gw_der_only(all, GW_DER_CONTEXT_C, &part) &&
	       gw_der_only(part, GW_DER_SEQUENCE, &bytes) &&
	       gw_der_expect(&bytes, GW_DER_OID, &part) &&
	       gw_der_only(bytes, GW_DER_OCTETS, &part) &&
	       gw_der_only(part, GW_DER_SEQUENCE, &all);
}

static enum gw_err
parse(const uint8_t *der, size_t len, OCSP_BASICRESP **out,
      struct gw_error *err)
{
	gw_auto(OCSP_RESPONSE_free) OCSP_RESPONSE *resp = NULL;
	const uint8_t *p = der;
	int status;

	if (len == 0 || len > GW_OCSP_BYTES_MAX)
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "answer of %zu bytes", len);
	resp = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	if (resp == NULL || p != der + len)
		return malformed(err, "not an OCSP response");
	status = OCSP_response_status(resp);
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE,
			       "responder says %s",
			       OCSP_response_status_str(status));
	if (!is_framed((struct gw_der){ der, len }))
		return malformed(err, "not DER, or something follows");
	*out = OCSP_response_get1_basic(resp);
	return *out != NULL ? GW_ERR_OK
			    : malformed(err, "no basic response in it");
}

bool
gw_ocsp_refuses(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	gw_auto(OCSP_RESPONSE_free) OCSP_RESPONSE *resp =
		len > 0 && len <= GW_OCSP_BYTES_MAX
			? d2i_OCSP_RESPONSE(NULL, &p, (long)len) : NULL;
	int status = resp != NULL ? OCSP_response_status(resp) : -1;

	ERR_clear_error();
	return status == OCSP_RESPONSE_STATUS_MALFORMEDREQUEST ||
	       status == OCSP_RESPONSE_STATUS_UNAUTHORIZED;
}

static bool
is_nonce(const X509_EXTENSION *x)
{
	return OBJ_obj2nid(X509_EXTENSION_get_object(
		       (X509_EXTENSION *)(uintptr_t)x)) ==
	       NID_id_pkix_OCSP_Nonce;
}

/* RFC 6960, 4.4: what is critical and not understood voids the answer. We
 * understand a nonce, when we have sent one. */
static bool
has_critical(OCSP_BASICRESP *basic, bool knows_nonce)
{
	for (int i = -1; (i = OCSP_BASICRESP_get_ext_by_critical(basic, 1,
								 i)) >= 0;)
		if (!knows_nonce ||
		    !is_nonce(OCSP_BASICRESP_get_ext(basic, i)))
			return true;
	for (int i = 0; i < OCSP_resp_count(basic); i++)
		if (OCSP_SINGLERESP_get_ext_by_critical(
			    OCSP_resp_get0(basic, i), 1, -1) >= 0)
			return true;
	return false;
}

/* The extension's value is an OCTET STRING that holds the nonce (RFC 8954,
 * 2.1). Exactly one, and ours. */
static bool
has_nonce(OCSP_BASICRESP *basic, const struct gw_ocsp_question *q)
{
	int i = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce,
					      -1);
	ASN1_OCTET_STRING *data, *nonce;
	const unsigned char *p;
	bool ok;

	if (i < 0 || OCSP_BASICRESP_get_ext_by_NID(
			     basic, NID_id_pkix_OCSP_Nonce, i) >= 0)
		return false;
	data = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, i));
	p = ASN1_STRING_get0_data(data);
	nonce = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(data));
	ok = nonce != NULL &&
	     (size_t)ASN1_STRING_length(nonce) == q->nonce_len &&
	     memcmp(ASN1_STRING_get0_data(nonce), q->nonce, q->nonce_len) ==
		     0;
	ASN1_OCTET_STRING_free(nonce);
	return ok;
}

/* ---- about whom */

/* Whether this answer's CertID is that of (leaf, issuer), by the hash it was
 * made with. */
static bool
is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
	OCSP_CERTID *theirs =
		(OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
	gw_auto(OCSP_CERTID_free) OCSP_CERTID *ours = NULL;
	ASN1_OBJECT *alg = NULL;
	const EVP_MD *md;

	if (OCSP_id_get0_info(NULL, &alg, NULL, NULL, theirs) != 1)
		return false;
	md = EVP_get_digestbyobj(alg);
	if (md == NULL || EVP_MD_get_size(md) < SHA_DIGEST_LENGTH)
		return false; /* not by MD5 */
	ours = OCSP_cert_to_id(md, leaf, issuer);
	return ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
}

/* ---- how new */

struct times {
	time_t produced, this, next;
};

static enum gw_err
check_times(const struct times *t, const struct gw_ocsp_rules *r, time_t now,
	    struct gw_error *err)
{
	enum gw_err stale = GW_ERR_REVOCATION_STALE;

	if (t->produced > now + r->skew_s)
		return gw_fail(err, stale, "produced %lld s in the future",
			       (long long)(t->produced - now));
	if (t->this > now + r->skew_s)
		return gw_fail(err, stale, "thisUpdate %lld s in the future",
			       (long long)(t->this - now));
	if (t->this > t->produced + r->skew_s)
		return malformed(err, "thisUpdate after producedAt");
	if (now - t->this > r->max_age_s + r->skew_s)
		return gw_fail(err, stale, "thisUpdate %lld s ago",
			       (long long)(now - t->this));
	if (t->next == 0)
		return GW_ERR_OK;
	if (t->next < t->this)
		return malformed(err, "nextUpdate before thisUpdate");
	if (t->next < now - r->skew_s)
		return gw_fail(err, stale, "nextUpdate %lld s ago",
			       (long long)(now - t->next));
	return GW_ERR_OK;
}

/* ---- what it says */

struct single {
	int status, reason;
	ASN1_GENERALIZEDTIME *revoked_at; /* borrowed from the answer */
	struct times t;
};

static bool
read_single(OCSP_SINGLERESP *s, time_t produced, struct single *out)
{
	ASN1_GENERALIZEDTIME *this = NULL, *next = NULL;

	*out = (struct single){ .reason = -1, .t.produced = produced };
	out->status = OCSP_single_get0_status(s, &out->reason,
					      &out->revoked_at, &this, &next);
	if (!gw_asn1_exact_time(this, &out->t.this) || out->t.this == 0)
		return false;
	return next == NULL ||
	       (gw_asn1_exact_time(next, &out->t.next) && out->t.next != 0);
}

static enum gw_err
tell_revoked(const struct single *s, struct gw_error *err)
{
	char when[32] = "?";
	time_t t;
	struct tm tm;

	if (gw_asn1_time(s->revoked_at, &t) && gmtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return gw_fail(err, GW_ERR_CERT_REVOKED, "revoked at %s, reason %s",
		       when, s->reason < 0 ? "not given"
					   : OCSP_crl_reason_str(s->reason));
}

static enum gw_err
judge_single(const struct single *s, const struct gw_ocsp_rules *rules,
	     time_t now, struct gw_error *err)
{
	enum gw_err rc = check_times(&s->t, rules, now, err);

	if (rc != GW_ERR_OK)
		return rc;
	if (s->status == V_OCSP_CERTSTATUS_REVOKED)
		return tell_revoked(s, err);
	if (s->status == V_OCSP_CERTSTATUS_GOOD)
		return GW_ERR_OK;
	/* fail closed: unknown, or a status nobody has defined. */
	return gw_fail(err, GW_ERR_REVOCATION_UNKNOWN,
		       "the responder does not know the certificate");
}

/* Everything the answer says about the certificate. `revoked` stands,
 * whatever else is said; different words otherwise are no answer. */
static enum gw_err
judge_all(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer,
	  const struct gw_ocsp_rules *rules, time_t now,
	  struct gw_ocsp_status *out, struct gw_error *err)
{
	enum gw_err rc, first = GW_ERR_COUNT;
	bool is_contradictory = false;
	struct gw_error why = { .code = GW_ERR_OK };
	struct single s;
	time_t produced;

	if (!gw_asn1_exact_time(OCSP_resp_get0_produced_at(basic), &produced))
		return malformed(err, "producedAt cannot be read");
	/* "good" is also said of what was never issued (2.2): such an answer,
	 * kept by somebody, must not speak for a card made later. */
	if (produced + rules->skew_s < gw_cert_not_before(leaf))
		return gw_fail(err, GW_ERR_REVOCATION_STALE,
			       "produced before the certificate's life began");
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);

		if (!is_about(one, leaf, issuer))
			continue;
		if (!read_single(one, produced, &s))
			return malformed(err, "thisUpdate or nextUpdate "
					      "cannot be read");
		rc = judge_single(&s, rules, now, &why);
		*out = (struct gw_ocsp_status){
			.produced_at = s.t.produced,
			.this_update = s.t.this, .next_update = s.t.next };
		if (rc == GW_ERR_CERT_REVOKED)
			return gw_fail(err, rc, "%s", why.detail);
		is_contradictory |= first != GW_ERR_COUNT && first != rc;
		first = rc;
	}
	if (first == GW_ERR_COUNT)
		return malformed(err, "the answer is not about this "
				      "certificate");
	if (is_contradictory)
		return malformed(err, "contradictory answers about this "
				      "certificate");
	return first == GW_ERR_OK ? first
				  : gw_fail(err, first, "%s", why.detail);
}

/* v1, which DER leaves out and some write all the same. */
static bool
is_version_1(OCSP_BASICRESP *basic)
{
	static const uint8_t v1[] = { 0x02, 0x01, 0x00 };
	unsigned char *tbs = NULL;
	int len = i2d_OCSP_RESPDATA(
		(OCSP_RESPDATA *)(uintptr_t)OCSP_resp_get0_respdata(basic),
		&tbs);
	struct gw_der all = { tbs, len > 0 ? (size_t)len : 0 }, body, value;
	bool ok = gw_der_only(all, GW_DER_SEQUENCE, &body) &&
		  (!gw_der_expect(&body, GW_DER_CONTEXT_C, &value) ||
		   gw_der_equals(value, v1, sizeof(v1)));

	OPENSSL_free(tbs);
	return ok;
}

static enum gw_err
judge(X509 *leaf, X509 *issuer, const uint8_t *der, size_t len,
      const struct gw_ocsp_question *q, const struct gw_ocsp_rules *rules,
      time_t now,
      struct gw_ocsp_status *out, struct gw_error *err)
{
	gw_auto(OCSP_BASICRESP_free) OCSP_BASICRESP *basic = NULL;
	struct gw_ocsp_status status = { .next_update = 0 };
	struct gw_responder_found by = { .cert = NULL };
	enum gw_err rc = parse(der, len, &basic, err);

	if (rc == GW_ERR_OK)
		rc = gw_responder_check(basic, issuer, now, &by, err);
	if (rc != GW_ERR_OK)
		return rc;
	if (X509_cmp(by.cert, leaf) == 0)
		return gw_fail(err, GW_ERR_REVOCATION_SIGNER,
			       "a certificate cannot vouch for itself");
	if (!is_version_1(basic))
		return malformed(err, "not version 1");
	if (OCSP_resp_count(basic) > SINGLES_MAX)
		return malformed(err, "too many answers in one");
	if (q->nonce_len > 0 && !has_nonce(basic, q))
		return gw_fail(err, GW_ERR_REVOCATION_STALE,
			       "the nonce that was sent is not in the "
			       "answer: it may be an old one");
	if (has_critical(basic, q->nonce_len > 0))
		return malformed(err, "critical extension in the answer");
	rc = judge_all(basic, leaf, issuer, rules, now, &status, err);
	if (rc == GW_ERR_OK && by.wants_check && X509_up_ref(by.cert) == 1)
		status.responder = by.cert;
	if (rc == GW_ERR_OK || rc == GW_ERR_CERT_REVOKED)
		*out = status;
	return rc;
}

enum gw_err
gw_ocsp_judge(X509 *leaf, X509 *issuer, const uint8_t *der, size_t len,
	      const struct gw_ocsp_question *q,
	      const struct gw_ocsp_rules *rules, time_t now,
	      struct gw_ocsp_status *out, struct gw_error *err)
{
	enum gw_err rc = judge(leaf, issuer, der, len, q, rules, now, out,
			       err);

	ERR_clear_error();
	return rc;
}
