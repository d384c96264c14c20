/* crl.c — see crl.h. The frame of the list is taken apart with OpenSSL's
 * ASN.1 reader; the entries, which may be millions, are only walked over. */
#include "crl.h"

#include <limits.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "gw/util.h"

static void
free_extensions(X509_EXTENSIONS *x)
{
	sk_X509_EXTENSION_pop_free(x, X509_EXTENSION_free);
}

GW_DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)
GW_DEFINE_CLEANUP(ASN1_TYPE *, ASN1_TYPE_free)
GW_DEFINE_CLEANUP(ASN1_BIT_STRING *, ASN1_BIT_STRING_free)
GW_DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)
GW_DEFINE_CLEANUP(ASN1_ENUMERATED *, ASN1_ENUMERATED_free)
GW_DEFINE_CLEANUP(X509_EXTENSIONS *, free_extensions)
GW_DEFINE_CLEANUP(struct gw_crl *, gw_crl_free)
GW_DEFINE_CLEANUP(CRL_DIST_POINTS *, CRL_DIST_POINTS_free)

#define REASON_REMOVE 8 /* removeFromCRL */

struct gw_crl {
	const uint8_t *der;
	struct span { const uint8_t *p; size_t len; } tbs, entries_der;
	X509_ALGOR *alg;
	X509_NAME *issuer;
	ASN1_BIT_STRING *signature;
	ISSUING_DIST_POINT *idp;
	ASN1_INTEGER *number, *base_number;
	AUTHORITY_KEYID *akid;
	time_t this_update, next_update;
	uint32_t *slots; /* offset into der + 1, or 0 */
	size_t slot_mask, entries;
	uint64_t seed;
};

static enum gw_err
malformed(struct gw_error *err, const char *what)
{
	ERR_clear_error();
	return gw_fail(err, GW_ERR_REVOCATION_MALFORMED, "CRL: %s", what);
}

/* ---- reading DER */

struct tlv {
	int tag, class;
	bool is_constructed;
	const uint8_t *start, *p; /* whole element, contents */
	size_t len;               /* of the contents */
};

/* Takes one element off the front of `s`; definite lengths only. */
static bool
next(struct span *s, struct tlv *out)
{
	const unsigned char *p = s->p;
	long len;
	int rc;

	if (s->len == 0 || s->len > LONG_MAX)
		return false;
	rc = ASN1_get_object(&p, &len, &out->tag, &out->class, (long)s->len);
	if ((rc & 0x80) != 0 || (rc & 1) != 0 || len < 0)
		return false;
	out->is_constructed = (rc & V_ASN1_CONSTRUCTED) != 0;
	out->start = s->p;
	out->p = p;
	out->len = (size_t)len;
	s->len -= (size_t)(p - s->p) + out->len;
	s->p = p + out->len;
	return true;
}

static bool
next_is(struct span *s, int tag, struct tlv *out)
{
	struct span before = *s;

	if (next(s, out) && out->class == V_ASN1_UNIVERSAL && out->tag == tag)
		return true;
	*s = before;
	return false;
}

static struct span
contents(const struct tlv *t)
{
	return (struct span){ t->p, t->len };
}

static long
whole_len(const struct tlv *t)
{
	return (long)(t->p - t->start) + (long)t->len;
}

static bool
time_of(const struct tlv *t, time_t *out)
{
	ASN1_STRING s = { .length = (int)t->len, .type = t->tag,
			  .data = (unsigned char *)(uintptr_t)t->p };
	struct tm tm;

	if (t->len > 20 || ASN1_TIME_to_tm(&s, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

static bool
next_time(struct span *s, time_t *out)
{
	struct tlv t;

	return (next_is(s, V_ASN1_UTCTIME, &t) ||
		next_is(s, V_ASN1_GENERALIZEDTIME, &t)) &&
	       time_of(&t, out);
}

/* ---- the table of entries */

static uint64_t
hash(const struct gw_crl *c, const uint8_t *p, size_t len)
{
	uint64_t h = c->seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* The slot that holds this serial, or the free one where it belongs. */
static uint32_t *
find(const struct gw_crl *c, const uint8_t *serial, size_t len)
{
	size_t i = hash(c, serial, len) & c->slot_mask;

	for (; c->slots[i] != 0; i = (i + 1) & c->slot_mask) {
		const uint8_t *p = c->der + c->slots[i] - 1;
		struct span s = { p, (size_t)(c->entries_der.p +
					      c->entries_der.len - p) };
		struct tlv entry, t;

		if (next(&s, &entry) && (s = contents(&entry), next(&s, &t)) &&
		    t.len == len && memcmp(t.p, serial, len) == 0)
			break;
	}
	return &c->slots[i];
}

static bool
entry_serial(const struct tlv *entry, struct tlv *serial)
{
	struct span s = contents(entry);

	return entry->tag == V_ASN1_SEQUENCE && entry->is_constructed &&
	       next_is(&s, V_ASN1_INTEGER, serial) && serial->len > 0 &&
	       serial->len <= 64;
}

static size_t
count_entries(struct span s)
{
	struct tlv t;
	size_t n = 0;

	while (s.len > 0 && next(&s, &t))
		n++;
	return s.len == 0 ? n : SIZE_MAX;
}

static enum gw_err
index_entries(struct gw_crl *c, struct gw_error *err)
{
	struct span s = c->entries_der;
	struct tlv entry, serial;
	size_t n = count_entries(s), slots = 16;
	uint32_t *slot;

	if (n > GW_CRL_ENTRIES_MAX)
		return malformed(err, "entries are broken or too many");
	while (slots < 2 * n)
		slots *= 2;
	c->slots = gw_xcalloc(slots, sizeof(*c->slots));
	c->slot_mask = slots - 1;
	gw_random(&c->seed, sizeof(c->seed));
	while (s.len > 0) {
		if (!next(&s, &entry) || !entry_serial(&entry, &serial))
			return malformed(err, "an entry is broken");
		slot = find(c, serial.p, serial.len);
		if (*slot != 0)
			return malformed(err, "a serial number is listed twice");
		*slot = (uint32_t)(entry.start - c->der) + 1;
	}
	c->entries = n;
	return GW_ERR_OK;
}

/* ---- extensions of the list */

static void *
decode(X509_EXTENSION *x)
{
	return X509V3_EXT_d2i(x);
}

static enum gw_err
take_extension(struct gw_crl *c, X509_EXTENSION *x, struct gw_error *err)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));
	struct { int nid; void **at; } known[] = {
		{ NID_crl_number, (void **)&c->number },
		{ NID_delta_crl, (void **)&c->base_number },
		{ NID_issuing_distribution_point, (void **)&c->idp },
		{ NID_authority_key_identifier, (void **)&c->akid },
	};

	for (size_t i = 0; i < GW_COUNT(known); i++) {
		if (known[i].nid != nid)
			continue;
		if (*known[i].at != NULL)
			return malformed(err, "an extension stands twice");
		*known[i].at = decode(x);
		return *known[i].at != NULL
			       ? GW_ERR_OK
			       : malformed(err, "an extension is broken");
	}
	/* RFC 5280, 5.2: what is critical and not understood forbids use. */
	if (X509_EXTENSION_get_critical(x))
		return malformed(err, "unknown critical extension");
	return GW_ERR_OK;
}

static enum gw_err
take_extensions(struct gw_crl *c, struct span s, struct gw_error *err)
{
	const unsigned char *p = s.p;
	gw_auto(free_extensions) X509_EXTENSIONS *exts =
		d2i_X509_EXTENSIONS(NULL, &p, (long)s.len);
	enum gw_err rc = GW_ERR_OK;

	if (exts == NULL || p != s.p + s.len)
		return malformed(err, "extensions are broken");
	for (int i = 0; i < sk_X509_EXTENSION_num(exts) && rc == GW_ERR_OK; i++)
		rc = take_extension(c, sk_X509_EXTENSION_value(exts, i), err);
	return rc;
}

static enum gw_err
check_scope(const struct gw_crl *c, struct gw_error *err)
{
	const ISSUING_DIST_POINT *i = c->idp;

	if (i == NULL)
		return GW_ERR_OK;
	if (i->indirectCRL > 0)
		return malformed(err, "indirect lists are not supported");
	if (i->onlyattr > 0)
		return malformed(err, "lists attribute certificates only");
	if (i->onlyuser > 0 && i->onlyCA > 0)
		return malformed(err, "scope contradicts itself");
	if (i->onlysomereasons != NULL)
		return malformed(err, "lists only some reasons");
	return GW_ERR_OK;
}

/* ---- the frame */

static enum gw_err
parse_tbs(struct gw_crl *c, struct span s, const struct tlv *outer_alg,
	  struct gw_error *err)
{
	struct tlv t;
	const unsigned char *p;
	bool has_entries;

	if (!next_is(&s, V_ASN1_INTEGER, &t) || t.len != 1 || t.p[0] != 1)
		return malformed(err, "not version 2");
	if (!next_is(&s, V_ASN1_SEQUENCE, &t) ||
	    whole_len(&t) != whole_len(outer_alg) ||
	    memcmp(t.start, outer_alg->start, (size_t)whole_len(&t)) != 0)
		return malformed(err, "inner and outer algorithm differ");
	if (!next_is(&s, V_ASN1_SEQUENCE, &t))
		return malformed(err, "no issuer");
	p = t.start;
	c->issuer = d2i_X509_NAME(NULL, &p, whole_len(&t));
	if (c->issuer == NULL || X509_NAME_entry_count(c->issuer) == 0)
		return malformed(err, "issuer is broken or empty");
	if (!next_time(&s, &c->this_update))
		return malformed(err, "no thisUpdate");
	(void)next_time(&s, &c->next_update);
	has_entries = next_is(&s, V_ASN1_SEQUENCE, &t);
	if (has_entries)
		c->entries_der = contents(&t);
	if (s.len == 0)
		return GW_ERR_OK;
	if (!next(&s, &t) || t.class != V_ASN1_CONTEXT_SPECIFIC || t.tag != 0 ||
	    s.len != 0)
		return malformed(err, "trailing bytes");
	return take_extensions(c, contents(&t), err);
}

static enum gw_err
parse_frame(struct gw_crl *c, struct span s, struct gw_error *err)
{
	struct tlv list, tbs, alg, sig;
	const unsigned char *p;

	if (!next_is(&s, V_ASN1_SEQUENCE, &list) || s.len != 0)
		return malformed(err, "not a DER SEQUENCE, or bytes after it");
	s = contents(&list);
	if (!next_is(&s, V_ASN1_SEQUENCE, &tbs) ||
	    !next_is(&s, V_ASN1_SEQUENCE, &alg) ||
	    !next_is(&s, V_ASN1_BIT_STRING, &sig) || s.len != 0)
		return malformed(err, "not a CertificateList");
	c->tbs = (struct span){ tbs.start, (size_t)whole_len(&tbs) };
	p = alg.start;
	c->alg = d2i_X509_ALGOR(NULL, &p, whole_len(&alg));
	p = sig.start;
	c->signature = d2i_ASN1_BIT_STRING(NULL, &p, whole_len(&sig));
	if (c->alg == NULL || c->signature == NULL)
		return malformed(err, "signature is broken");
	return parse_tbs(c, contents(&tbs), &alg, err);
}

enum gw_err
gw_crl_parse(const uint8_t *der, size_t len, struct gw_crl **out,
	     struct gw_error *err)
{
	gw_auto(gw_crl_free) struct gw_crl *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc;

	if (len > GW_CRL_BYTES_MAX)
		return malformed(err, "too large");
	c->der = der;
	rc = parse_frame(c, (struct span){ der, len }, err);
	if (rc == GW_ERR_OK)
		rc = check_scope(c, err);
	if (rc == GW_ERR_OK)
		rc = index_entries(c, err);
	if (rc == GW_ERR_OK)
		*out = gw_steal(&c);
	return rc;
}

void
gw_crl_free(struct gw_crl *c)
{
	if (c == NULL)
		return;
	X509_ALGOR_free(c->alg);
	X509_NAME_free(c->issuer);
	ASN1_BIT_STRING_free(c->signature);
	ISSUING_DIST_POINT_free(c->idp);
	ASN1_INTEGER_free(c->number);
	ASN1_INTEGER_free(c->base_number);
	AUTHORITY_KEYID_free(c->akid);
	free(c->slots);
	free(c);
}

/* ---- judging */

static enum gw_err
not_signer(struct gw_error *err, const char *what)
{
	ERR_clear_error();
	return gw_fail(err, GW_ERR_REVOCATION_SIGNER, "CRL: %s", what);
}

enum gw_err
gw_crl_verify(const struct gw_crl *c, X509 *issuer, struct gw_error *err)
{
	const unsigned char *p = c->tbs.p;
	gw_auto(ASN1_TYPE_free) ASN1_TYPE *tbs = NULL;
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (X509_NAME_cmp(c->issuer, X509_get_subject_name(issuer)) != 0)
		return not_signer(err, "issued by another name than the CA's");
	/* X509_get_key_usage() is all ones where the extension is absent. */
	if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return not_signer(err, "the CA's key usage lacks cRLSign");
	if (c->akid != NULL &&
	    X509_check_akid(issuer, c->akid) != X509_V_OK)
		return not_signer(err, "authority key identifier is another's");
	/* As ANY, the signed bytes go into the digest just as they came. */
	tbs = d2i_ASN1_TYPE(NULL, &p, (long)c->tbs.len);
	if (key == NULL || tbs == NULL ||
	    ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), c->alg, c->signature,
			     tbs, key) != 1)
		return not_signer(err, "signature does not verify");
	return GW_ERR_OK;
}

enum gw_err
gw_crl_is_current(const struct gw_crl *c, time_t now, int64_t skew_s,
		  struct gw_error *err)
{
	if (c->this_update > now + skew_s)
		return gw_fail(err, GW_ERR_REVOCATION_STALE,
			       "CRL: thisUpdate lies in the future");
	if (c->next_update == 0)
		return gw_fail(err, GW_ERR_REVOCATION_STALE,
			       "CRL: no nextUpdate (RFC 5280, 5.1.2.5)");
	if (c->next_update < now - skew_s)
		return gw_fail(err, GW_ERR_REVOCATION_STALE,
			       "CRL: nextUpdate has passed");
	return GW_ERR_OK;
}

/* RFC 5280, 6.3.3 b 2 i: a name in the list's distribution point must be
 * one in the certificate's. */
static bool
shares_a_name(DIST_POINT_NAME *a, X509 *cert)
{
	gw_auto(CRL_DIST_POINTS_free) CRL_DIST_POINTS *points =
		X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);

	if (a == NULL || a->type != 0) /* relative names: not supported */
		return a == NULL;
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		DIST_POINT_NAME *b = sk_DIST_POINT_value(points, i)->distpoint;

		if (b == NULL || b->type != 0)
			continue;
		for (int j = 0; j < sk_GENERAL_NAME_num(a->name.fullname); j++)
			for (int k = 0;
			     k < sk_GENERAL_NAME_num(b->name.fullname); k++)
				if (GENERAL_NAME_cmp(
					    sk_GENERAL_NAME_value(
						    a->name.fullname, j),
					    sk_GENERAL_NAME_value(
						    b->name.fullname, k)) == 0)
					return true;
	}
	return false;
}

enum gw_err
gw_crl_covers(const struct gw_crl *c, X509 *cert, struct gw_error *err)
{
	const char *why = NULL;
	bool is_ca = (X509_get_extension_flags(cert) & EXFLAG_CA) != 0;

	if (X509_NAME_cmp(c->issuer, X509_get_issuer_name(cert)) != 0)
		why = "of another issuer";
	else if (c->idp != NULL && c->idp->onlyuser > 0 && is_ca)
		why = "for end entities only";
	else if (c->idp != NULL && c->idp->onlyCA > 0 && !is_ca)
		why = "for CAs only";
	else if (c->idp != NULL && !shares_a_name(c->idp->distpoint, cert))
		why = "of a distribution point the certificate does not name";
	if (why == NULL)
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE, "CRL: %s", why);
}

/* Entry extensions: the reason counts; certificateIssuer would make the
 * entry somebody else's, and is refused like any critical unknown. */
static bool
read_entry_extensions(struct span s, struct gw_crl_entry *out)
{
	const unsigned char *p = s.p;
	gw_auto(free_extensions) X509_EXTENSIONS *exts =
		d2i_X509_EXTENSIONS(NULL, &p, (long)s.len);

	if (exts == NULL || p != s.p + s.len)
		return false;
	for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		X509_EXTENSION *x = sk_X509_EXTENSION_value(exts, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));
		gw_auto(ASN1_ENUMERATED_free) ASN1_ENUMERATED *e = NULL;

		if (nid == NID_crl_reason) {
			e = decode(x);
			if (e == NULL)
				return false;
			out->reason = (int)ASN1_ENUMERATED_get(e);
		} else if (X509_EXTENSION_get_critical(x)) {
			return false;
		}
	}
	out->is_removed = out->reason == REASON_REMOVE;
	return true;
}

enum gw_err
gw_crl_look_up(const struct gw_crl *c, const uint8_t *serial, size_t len,
	       struct gw_crl_entry *out, struct gw_error *err)
{
	uint32_t slot = *find(c, serial, len);
	struct span s;
	struct tlv entry, t;

	*out = (struct gw_crl_entry){ .is_listed = slot != 0 };
	if (slot == 0)
		return GW_ERR_OK;
	s.p = c->der + slot - 1;
	s.len = (size_t)(c->entries_der.p + c->entries_der.len - s.p);
	if (!next(&s, &entry))
		return malformed(err, "an entry is broken");
	s = contents(&entry);
	if (!next(&s, &t) || !next_time(&s, &out->when) ||
	    (s.len > 0 && !read_entry_extensions(s, out)))
		return malformed(err, "the certificate's entry is broken");
	return GW_ERR_OK;
}

static enum gw_err
revoked(const struct gw_crl_entry *e, struct gw_error *err)
{
	struct tm tm;
	char when[32] = "?";

	if (gmtime_r(&e->when, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return gw_fail(err, GW_ERR_CERT_REVOKED, "CRL: %s since %s",
		       OCSP_crl_reason_str(e->reason), when);
}

enum gw_err
gw_crl_judge(const struct gw_crl *base, const struct gw_crl *delta, X509 *cert,
	     struct gw_error *err)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(cert);
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER((ASN1_INTEGER *)(uintptr_t)n, &der);
	struct gw_crl_entry e;
	struct span s = { der, len > 0 ? (size_t)len : 0 };
	struct tlv t;
	enum gw_err rc;

	if (!next(&s, &t)) {
		OPENSSL_free(der);
		return malformed(err, "serial number cannot be encoded");
	}
	rc = delta != NULL ? gw_crl_look_up(delta, t.p, t.len, &e, err)
			   : GW_ERR_OK;
	if (rc == GW_ERR_OK && (delta == NULL || !e.is_listed))
		rc = gw_crl_look_up(base, t.p, t.len, &e, err);
	OPENSSL_free(der);
	if (rc != GW_ERR_OK || !e.is_listed || e.is_removed)
		return rc;
	return revoked(&e, err);
}

bool
gw_crl_fits(const struct gw_crl *base, const struct gw_crl *delta)
{
	return base->base_number == NULL && delta->base_number != NULL &&
	       base->number != NULL && delta->number != NULL &&
	       X509_NAME_cmp(base->issuer, delta->issuer) == 0 &&
	       (base->idp == NULL) == (delta->idp == NULL) &&
	       ASN1_INTEGER_cmp(delta->base_number, base->number) <= 0 &&
	       ASN1_INTEGER_cmp(base->number, delta->number) <= 0;
}

time_t
gw_crl_this_update(const struct gw_crl *c)
{
	return c->this_update;
}

time_t
gw_crl_next_update(const struct gw_crl *c)
{
	return c->next_update;
}

bool
gw_crl_is_delta(const struct gw_crl *c)
{
	return c->base_number != NULL;
}

size_t
gw_crl_entries(const struct gw_crl *c)
{
	return c->entries;
}

size_t
gw_crl_memory(const struct gw_crl *c)
{
	return sizeof(*c) + (c->slot_mask + 1) * sizeof(*c->slots);
}
