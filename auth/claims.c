/* claims.c — see claims.h. Extensions are read from their bytes, not through
 * a decoder that forgives. */
#include "claims.h"
#include "altsec.h"
#include "der.h"
#include "gw/util.h"

#include <string.h>

/* 1.3.6.1.4.1.311.20.2.3, .25.2 and .25.2.1, as content octets. */
static const uint8_t oid_upn[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37,
				   0x14, 0x02, 0x03 };
static const uint8_t oid_sid_value[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82,
					 0x37, 0x19, 0x02, 0x01 };
#define OID_SID_EXTENSION "1.3.6.1.4.1.311.25.2"

/* KB5014754: the SID as a URI, for CAs that cannot write the extension. */
#define SID_TAG "tag:microsoft.com,2022-09-14:sid:"

enum { NAME_OTHER = GW_DER_CONTEXT_C + 0, NAME_EMAIL = GW_DER_CONTEXT_P + 1,
       NAME_URI = GW_DER_CONTEXT_P + 6 };

static enum gw_err
malformed(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_MAP_MALFORMED, "%s", what);
}

/* ---- the SID */

/* A second SID may only say the same (the text form is canonical). */
static enum gw_err
add_sid(struct gw_claims *c, struct gw_der text, struct gw_error *err)
{
	char sid[GW_SID_MAX];

	if (text.len == 0 || text.len >= sizeof(sid) ||
	    memchr(text.p, '\0', text.len) != NULL)
		return malformed(err, "SID: empty, too long or with NUL");
	memcpy(sid, text.p, text.len);
	sid[text.len] = '\0';
	if (!gw_sid_is_valid(sid))
		return malformed(err, "SID: not of the form S-1-…");
	if (c->sid[0] != '\0' && strcmp(c->sid, sid) != 0)
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "the certificate has two SIDs: %.80s, %.80s",
			       c->sid, sid);
	memcpy(c->sid, sid, sizeof(sid));
	return GW_ERR_OK;
}

/* MS-WCCE 2.2.2.7.7.4: SEQUENCE { [0] { OID, [0] { OCTET STRING } } }, where
 * the outer SEQUENCE could hold more kinds of name but nobody writes any. */
static bool
parse_sid_extension(struct gw_der in, struct gw_der *out)
{
	struct gw_der seq, entry, oid, value;

	return gw_der_only(in, GW_DER_SEQUENCE, &seq) &&
	       gw_der_only(seq, GW_DER_CONTEXT_C + 0, &entry) &&
	       gw_der_expect(&entry, GW_DER_OID, &oid) &&
	       gw_der_equals(oid, oid_sid_value, sizeof(oid_sid_value)) &&
	       gw_der_only(entry, GW_DER_CONTEXT_C + 0, &value) &&
	       gw_der_only(value, GW_DER_OCTETS, out);
}

static enum gw_err
read_sid_extension(const X509 *leaf, struct gw_claims *c, struct gw_error *err)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(OID_SID_EXTENSION, 1);
	struct gw_der ext, text;
	bool is_twice, is_there;

	gw_assert(oid != NULL);
	is_there = gw_cert_extension(leaf, oid, &ext, &is_twice);
	ASN1_OBJECT_free(oid);
	if (is_twice)
		return malformed(err, "SID extension twice");
	if (!is_there)
		return GW_ERR_OK;
	if (!parse_sid_extension(ext, &text))
		return malformed(err, "SID extension: not the one structure "
				      "it may have");
	return add_sid(c, text, err);
}

/* ---- subject alternative names */

static enum gw_err
add_upn(struct gw_claims *c, struct gw_der value, struct gw_error *err)
{
	struct gw_der text;

	if (!gw_der_only(value, GW_DER_UTF8, &text))
		return malformed(err, "UPN: not one UTF8String");
	if (c->upn[0] != '\0')
		return malformed(err, "more than one UPN");
	/* covers NUL, control and direction characters, UTF-8 and length */
	if (!gw_upn_is_valid((const char *)text.p, text.len))
		return malformed(err, "UPN: not NAME@SUFFIX in clean UTF-8");
	memcpy(c->upn, text.p, text.len);
	c->upn[text.len] = '\0';
	return GW_ERR_OK;
}

static enum gw_err
read_other_name(struct gw_der in, struct gw_claims *c, struct gw_error *err)
{
	struct gw_der oid, value;

	if (!gw_der_expect(&in, GW_DER_OID, &oid) ||
	    !gw_der_only(in, GW_DER_CONTEXT_C + 0, &value))
		return malformed(err, "alternative name: bad otherName");
	if (!gw_der_equals(oid, oid_upn, sizeof(oid_upn)))
		return GW_ERR_OK; /* FASC-N and others: none of ours */
	return add_upn(c, value, err);
}

static enum gw_err
read_uri(struct gw_der in, struct gw_claims *c, struct gw_error *err)
{
	size_t len = sizeof(SID_TAG) - 1;

	if (in.len < len || memcmp(in.p, SID_TAG, len) != 0)
		return GW_ERR_OK;
	return add_sid(c, (struct gw_der){ in.p + len, in.len - len }, err);
}

static enum gw_err
read_name(uint8_t tag, struct gw_der in, struct gw_claims *c,
	  struct gw_der *email, struct gw_error *err)
{
	if (tag == NAME_OTHER)
		return read_other_name(in, c, err);
	if (tag == NAME_URI)
		return read_uri(in, c, err);
	if (tag == NAME_EMAIL && email->p == NULL)
		*email = in;
	return GW_ERR_OK;
}

static enum gw_err
read_alternative_names(const X509 *leaf, struct gw_claims *c,
		       struct gw_der *email, struct gw_error *err)
{
	struct gw_der ext, names, name;
	enum gw_err rc = GW_ERR_OK;
	bool is_twice;
	uint8_t tag;

	if (!gw_cert_extension(leaf, OBJ_nid2obj(NID_subject_alt_name), &ext,
			       &is_twice))
		return is_twice ? malformed(err, "alternative names twice")
				: GW_ERR_OK;
	if (!gw_der_only(ext, GW_DER_SEQUENCE, &names))
		return malformed(err, "alternative names: not DER");
	while (rc == GW_ERR_OK && names.len > 0) {
		if (!gw_der_take(&names, &tag, &name))
			return malformed(err, "alternative names: not DER");
		rc = read_name(tag, name, c, email, err);
	}
	return rc;
}

/* ---- all claims */

enum gw_err
gw_claims_read(const X509 *leaf, struct gw_claims *out, struct gw_error *err)
{
	struct gw_claims c = { .not_before = gw_cert_not_before(leaf) };
	struct gw_der email = { .p = NULL };
	enum gw_err rc = read_sid_extension(leaf, &c, err);

	if (rc == GW_ERR_OK)
		rc = read_alternative_names(leaf, &c, &email, err);
	if (rc != GW_ERR_OK)
		return rc;
	gw_altsec_add_all(leaf, email, &c);
	*out = c;
	return GW_ERR_OK;
}
