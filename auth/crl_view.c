/* crl_view.c — a list as libcrypto sees it: its frame, with our signature
 * check and our look-up. */
#include "crl_priv.h"

#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include "gw/util.h"
#include "gw/wire.h"

static void
free_der(unsigned char *p)
{
	OPENSSL_free(p);
}

GW_DEFINE_CLEANUP(unsigned char *, free_der)
GW_DEFINE_CLEANUP(ASN1_TYPE *, ASN1_TYPE_free)

/* ---- the signature */

/* As ANY, the signed bytes go into the digest just as they came, but through
 * two copies. */
static int
verify_copied(const struct gw_crl *c, EVP_PKEY *key)
{
	const unsigned char *p = c->tbs.p;
	gw_auto(ASN1_TYPE_free) ASN1_TYPE *tbs =
		d2i_ASN1_TYPE(NULL, &p, (long)c->tbs.len);

	return tbs != NULL ? ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY),
					      c->alg, c->signature, tbs, key)
			   : -1;
}

/* The mapped bytes themselves, of which there may be a quarter of a GiB. */
static int
verify_mapped(const struct gw_crl *c, int digest, EVP_PKEY *key)
{
	gw_auto(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = digest != NID_undef ? EVP_get_digestbynid(digest)
					       : NULL;

	if (ctx == NULL || (c->signature->flags & 0x07) != 0 ||
	    (md == NULL && digest != NID_undef) ||
	    EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) != 1)
		return -1;
	return EVP_DigestVerify(ctx, ASN1_STRING_get0_data(c->signature),
				(size_t)ASN1_STRING_length(c->signature),
				c->tbs.p, c->tbs.len);
}

/* RSASSA-PSS has parameters that only libcrypto can read. */
static int
verify_with(const struct gw_crl *c, EVP_PKEY *key)
{
	const ASN1_OBJECT *oid = NULL;
	int digest, type;

	X509_ALGOR_get0(&oid, NULL, NULL, c->alg);
	if (OBJ_obj2nid(oid) == NID_rsassaPss)
		return verify_copied(c, key);
	if (OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &type) != 1 ||
	    EVP_PKEY_is_a(key, OBJ_nid2sn(type)) != 1)
		return -1;
	return verify_mapped(c, digest, key);
}

/* A list that has passed once is not read through again for every
 * certificate. */
static int
verify(X509_CRL *x, EVP_PKEY *key)
{
	struct gw_crl *c = X509_CRL_get_meth_data(x);
	int rc;

	if (c->verified_by != NULL && EVP_PKEY_eq(c->verified_by, key) == 1)
		return 1;
	rc = verify_with(c, key);
	if (rc == 1 && EVP_PKEY_up_ref(key) == 1) {
		EVP_PKEY_free(c->verified_by);
		c->verified_by = key;
	}
	return rc;
}

/* ---- the entries */

/* The entry found is kept in `c` until the next look-up: the caller of
 * X509_CRL_get0_by_cert() only borrows it. */
static int
look_up(X509_CRL *x, X509_REVOKED **out, const ASN1_INTEGER *serial,
	const X509_NAME *issuer)
{
	struct gw_crl *c = X509_CRL_get_meth_data(x);
	gw_auto(free_der) unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(serial, &der);
	struct gw_der n, entry;
	const unsigned char *p;

	(void)issuer; /* no indirect lists: every entry is the issuer's own */
	if (len <= 0 || !gw_der_only((struct gw_der){ der, (size_t)len },
				     GW_DER_INTEGER, &n) ||
	    !gw_crl_entry_find(c, n, &entry))
		return 0;
	X509_REVOKED_free(c->found);
	p = entry.p;
	c->found = p != NULL ? d2i_X509_REVOKED(NULL, &p, (long)entry.len)
			     : NULL;
	/* fail closed: listed, though the entry cannot be read. */
	if (c->found == NULL)
		c->found = X509_REVOKED_new();
	*out = c->found;
	return 1;
}

/* ---- the frame */

/* A DER SEQUENCE head for `len` bytes of contents. */
static size_t
sequence_head(uint8_t out[8], size_t len)
{
	unsigned char *p = out;

	ASN1_put_object(&p, 1, (int)len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	return (size_t)(p - out);
}

/* The list's DER without the SEQUENCE of entries. */
static uint8_t *
strip(const struct gw_crl *c, size_t *out_len)
{
	size_t before = (size_t)(c->cut.p - c->tbs_body.p);
	size_t after = c->tbs_body.len - before - c->cut.len;
	size_t tail = c->len - (size_t)(c->tbs.p + c->tbs.len - c->der);
	uint8_t inner[8], outer[8];
	size_t inner_len = sequence_head(inner, before + after);
	size_t body = inner_len + before + after + tail;
	size_t outer_len = sequence_head(outer, body);
	struct gw_wr w;

	*out_len = outer_len + body;
	w = gw_wr_init(gw_xcalloc(*out_len, 1), *out_len);
	gw_wr_raw(&w, outer, outer_len);
	gw_wr_raw(&w, inner, inner_len);
	gw_wr_raw(&w, c->tbs_body.p, before);
	gw_wr_raw(&w, c->cut.p + c->cut.len, after);
	gw_wr_raw(&w, c->tbs.p + c->tbs.len, tail);
	gw_assert(!w.bad && w.len == *out_len);
	return w.p;
}

enum gw_err
gw_crl_view_make(struct gw_crl *c, struct gw_error *err)
{
	static X509_CRL_METHOD *method;
	size_t len;
	uint8_t *der = strip(c, &len);
	const unsigned char *p = der;

	if (method == NULL)
		method = X509_CRL_METHOD_new(NULL, NULL, look_up, verify);
	X509_CRL_set_default_method(method);
	c->view = d2i_X509_CRL(NULL, &p, (long)len);
	X509_CRL_set_default_method(NULL);
	free(der);
	if (c->view == NULL)
		return gw_crl_malformed(err, "libcrypto cannot read it");
	X509_CRL_set_meth_data(c->view, c);
	return GW_ERR_OK;
}

X509_CRL *
gw_crl_get0_x509(struct gw_crl *c)
{
	return c->view;
}
