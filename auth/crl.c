/* crl.c — see crl.h. The frame of the list is taken apart with OpenSSL's
 * ASN.1 reader; the entries, which may be millions, are only walked over. */
#include "crl.h"
#include "distribution.h"

#include <limits.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "gw/util.h"
#include "gw/wire.h"

static void
free_extensions(X509_EXTENSIONS *x)
{
	sk_X509_EXTENSION_pop_free(x, X509_EXTENSION_free);
}

static void
free_der(unsigned char *p)
{
	OPENSSL_free(p);
}

GW_DEFINE_CLEANUP(unsigned char *, free_der)
GW_DEFINE_CLEANUP(ISSUING_DIST_POINT *, ISSUING_DIST_POINT_free)
GW_DEFINE_CLEANUP(ASN1_TYPE *, ASN1_TYPE_free)
GW_DEFINE_CLEANUP(ASN1_ENUMERATED *, ASN1_ENUMERATED_free)
GW_DEFINE_CLEANUP(X509_EXTENSIONS *, free_extensions)
GW_DEFINE_CLEANUP(struct gw_crl *, gw_crl_free)

#define REASON_REMOVE 8 /* removeFromCRL */
#define EXTENSIONS_MAX 64
#define BROKEN_ENTRY  "an entry is broken"

struct gw_crl {
	const uint8_t *der;
	size_t len;
	/* tbs: the signed bytes; tbs_body: their contents; cut: the SEQUENCE
	 * of entries as a whole, empty when there is none */
	struct span { const uint8_t *p; size_t len; } tbs, tbs_body, cut,
						      entries_der;
	X509_ALGOR *alg;
	ASN1_BIT_STRING *signature;
	X509_CRL *view;
	X509_REVOKED *found;
	EVP_PKEY *verified_by; /* a key its signature has passed with */
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

/* The octets of tag and length in DER: low tags, shortest form. */
static size_t
head_len(size_t len)
{
	size_t n = 2;

	if (len > 0x7f)
		for (; len > 0; len >>= 8)
			n++;
	return n;
}

/* Takes one element off the front of `s`; what only BER allows is refused. */
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
	if (out->tag > 30 || (size_t)(p - s->p) != head_len(out->len))
		return false;
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

static struct span
entry_at(const struct gw_crl *c, uint32_t slot)
{
	const uint8_t *p = c->der + slot - 1;

	return (struct span){ p, (size_t)(c->entries_der.p +
					  c->entries_der.len - p) };
}

/* Look-ups compare octets: one number must have one form. */
static bool
is_shortest(const struct tlv *i)
{
	return i->len == 1 || (i->len > 1 && !(i->p[0] == 0x00 &&
					       (i->p[1] & 0x80) == 0) &&
			       !(i->p[0] == 0xff && (i->p[1] & 0x80) != 0));
}

/* NULL: we know all that is critical in it. */
static const char *
extension_fault(struct span s)
{
	static const uint8_t reason[] = { 0x55, 0x1d, 0x15 },
			     invalidity[] = { 0x55, 0x1d, 0x18 },
			     issuer[] = { 0x55, 0x1d, 0x1d };
	struct tlv oid, t;
	bool is_critical = false, is_ours;

	if (!next_is(&s, V_ASN1_OBJECT, &oid))
		return BROKEN_ENTRY;
	if (next_is(&s, V_ASN1_BOOLEAN, &t))
		is_critical = t.len != 1 || t.p[0] != 0;
	if (!next_is(&s, V_ASN1_OCTET_STRING, &t) || s.len != 0)
		return BROKEN_ENTRY;
	is_ours = oid.len == sizeof(reason);
	if (is_ours && memcmp(oid.p, issuer, oid.len) == 0)
		return "an entry of another issuer: indirect lists are not "
		       "supported";
	is_ours = is_ours && (memcmp(oid.p, reason, oid.len) == 0 ||
			      memcmp(oid.p, invalidity, oid.len) == 0);
	return is_critical && !is_ours
		       ? "unknown critical extension of an entry" : NULL;
}

/* What any entry has that is critical and unknown forbids use of the whole
 * list (RFC 5280, 5.3). `s`: what follows the serial number. */
static const char *
rest_fault(struct span s)
{
	struct tlv t, ext;
	const char *why = NULL;

	if (!next_is(&s, V_ASN1_UTCTIME, &t) &&
	    !next_is(&s, V_ASN1_GENERALIZEDTIME, &t))
		return BROKEN_ENTRY;
	if (s.len == 0)
		return NULL;
	if (!next_is(&s, V_ASN1_SEQUENCE, &t) || s.len != 0)
		return BROKEN_ENTRY;
	for (s = contents(&t); s.len > 0 && why == NULL;)
		why = next_is(&s, V_ASN1_SEQUENCE, &ext)
			      ? extension_fault(contents(&ext))
			      : BROKEN_ENTRY;
	return why;
}

/* Of an element in the list; NULL: it is an entry, and `serial` its number. */
static const char *
entry_fault(const struct tlv *entry, struct tlv *serial)
{
	struct span s = contents(entry);

	if (entry->tag != V_ASN1_SEQUENCE || !entry->is_constructed ||
	    !next_is(&s, V_ASN1_INTEGER, serial) || !is_shortest(serial) ||
	    serial->len > 64)
		return BROKEN_ENTRY;
	return rest_fault(s);
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
	const char *why;

	if (n > GW_CRL_ENTRIES_MAX)
		return malformed(err, "entries are broken or too many");
	while (slots < 2 * n)
		slots *= 2;
	c->slots = gw_xcalloc(slots, sizeof(*c->slots));
	c->slot_mask = slots - 1;
	gw_random(&c->seed, sizeof(c->seed));
	while (s.len > 0) {
		why = next(&s, &entry) ? entry_fault(&entry, &serial)
				       : BROKEN_ENTRY;
		if (why != NULL)
			return malformed(err, why);
		slot = find(c, serial.p, serial.len);
		/* two dates or reasons: it is not clear what has been said */
		if (*slot != 0)
			return malformed(err, "a serial number is listed "
					      "twice");
		*slot = (uint32_t)(entry.start - c->der) + 1;
	}
	c->entries = n;
	return GW_ERR_OK;
}

/* ---- extensions of the list */

/* What is critical and not understood forbids use (RFC 5280, 5.2). */
static bool
is_known(int nid)
{
	static const int known[] = { NID_crl_number, NID_delta_crl,
				     NID_issuing_distribution_point,
				     NID_authority_key_identifier,
				     NID_freshest_crl };

	for (size_t i = 0; i < GW_COUNT(known); i++)
		if (known[i] == nid)
			return true;
	return false;
}

static enum gw_err
check_scope(X509_EXTENSION *x, struct gw_error *err)
{
	gw_auto(ISSUING_DIST_POINT_free) ISSUING_DIST_POINT *i =
		X509V3_EXT_d2i(x);

	if (i == NULL)
		return malformed(err, "issuing distribution point is broken");
	if (!gw_distribution_is_place(i->distpoint))
		return malformed(err, "neither a URI nor a directory's entry "
				      "for its place");
	if (i->indirectCRL > 0)
		return malformed(err, "indirect lists are not supported");
	if (i->onlyattr > 0)
		return malformed(err, "for attribute certificates only");
	if (i->onlyuser > 0 && i->onlyCA > 0)
		return malformed(err, "scope contradicts itself");
	return GW_ERR_OK;
}

static bool
is_repeated(const X509_EXTENSIONS *exts, int at)
{
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(
		sk_X509_EXTENSION_value(exts, at));

	return X509v3_get_ext_by_OBJ(exts, oid, at) >= 0;
}

static enum gw_err
check_extensions(struct span s, struct gw_error *err)
{
	const unsigned char *p = s.p;
	gw_auto(free_extensions) X509_EXTENSIONS *exts =
		d2i_X509_EXTENSIONS(NULL, &p, (long)s.len);
	enum gw_err rc = GW_ERR_OK;

	if (exts == NULL || p != s.p + s.len ||
	    sk_X509_EXTENSION_num(exts) > EXTENSIONS_MAX)
		return malformed(err, "extensions are broken");
	for (int i = 0; i < sk_X509_EXTENSION_num(exts) && rc == GW_ERR_OK;
	     i++) {
		X509_EXTENSION *x = sk_X509_EXTENSION_value(exts, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));

		if (is_repeated(exts, i))
			rc = malformed(err, "an extension twice");
		else if (X509_EXTENSION_get_critical(x) && !is_known(nid))
			rc = malformed(err, "unknown critical extension");
		else if (nid == NID_issuing_distribution_point)
			rc = check_scope(x, err);
	}
	return rc;
}

/* ---- the frame */

static enum gw_err
parse_tbs(struct gw_crl *c, struct span s, const struct tlv *outer_alg,
	  struct gw_error *err)
{
	struct tlv t;

	if (!next_is(&s, V_ASN1_INTEGER, &t) || t.len != 1 || t.p[0] != 1)
		return malformed(err, "not version 2");
	if (!next_is(&s, V_ASN1_SEQUENCE, &t) ||
	    whole_len(&t) != whole_len(outer_alg) ||
	    memcmp(t.start, outer_alg->start, (size_t)whole_len(&t)) != 0)
		return malformed(err, "inner and outer algorithm differ");
	if (!next_is(&s, V_ASN1_SEQUENCE, &t) || t.len == 0)
		return malformed(err, "no issuer");
	if (!next_time(&s, &c->this_update) || !next_time(&s, &c->next_update))
		return malformed(err, "no thisUpdate or no nextUpdate");
	c->cut = (struct span){ s.p, 0 };
	if (next_is(&s, V_ASN1_SEQUENCE, &t)) {
		c->cut.len = (size_t)whole_len(&t);
		c->entries_der = contents(&t);
	}
	if (s.len == 0)
		return GW_ERR_OK;
	if (!next(&s, &t) || t.class != V_ASN1_CONTEXT_SPECIFIC || t.tag != 0 ||
	    s.len != 0)
		return malformed(err, "trailing bytes");
	return check_extensions(contents(&t), err);
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
	c->tbs_body = contents(&tbs);
	p = alg.start;
	c->alg = d2i_X509_ALGOR(NULL, &p, whole_len(&alg));
	p = sig.start;
	c->signature = d2i_ASN1_BIT_STRING(NULL, &p, whole_len(&sig));
	if (c->alg == NULL || c->signature == NULL)
		return malformed(err, "signature is broken");
	return parse_tbs(c, contents(&tbs), &alg, err);
}

/* ---- as libcrypto sees it */

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

/* The entry found is kept in `c` until the next look-up: the caller of
 * X509_CRL_get0_by_cert() only borrows it. */
static int
look_up(X509_CRL *x, X509_REVOKED **out, const ASN1_INTEGER *serial,
	const X509_NAME *issuer)
{
	struct gw_crl *c = X509_CRL_get_meth_data(x);
	gw_auto(free_der) unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(serial, &der);
	struct span s = { der, len > 0 ? (size_t)len : 0 };
	const unsigned char *p;
	struct tlv t, entry;
	uint32_t slot;

	(void)issuer; /* no indirect lists: every entry is the issuer's own */
	if (!next(&s, &t))
		return 0;
	slot = *find(c, t.p, t.len);
	if (slot == 0)
		return 0;
	s = entry_at(c, slot);
	X509_REVOKED_free(c->found);
	c->found = NULL;
	if (next(&s, &entry)) {
		p = entry.start;
		c->found = d2i_X509_REVOKED(NULL, &p, whole_len(&entry));
	}
	/* fail closed: listed, though the entry cannot be read. */
	if (c->found == NULL)
		c->found = X509_REVOKED_new();
	*out = c->found;
	return 1;
}

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

static enum gw_err
make_view(struct gw_crl *c, struct gw_error *err)
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
		return malformed(err, "libcrypto cannot read it");
	X509_CRL_set_meth_data(c->view, c);
	return GW_ERR_OK;
}

/* ---- */

enum gw_err
gw_crl_parse(const uint8_t *der, size_t len, struct gw_crl **out,
	     struct gw_error *err)
{
	gw_auto(gw_crl_free) struct gw_crl *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc;

	if (len > GW_CRL_BYTES_MAX)
		return malformed(err, "too large");
	c->der = der;
	c->len = len;
	rc = parse_frame(c, (struct span){ der, len }, err);
	if (rc == GW_ERR_OK)
		rc = index_entries(c, err);
	if (rc == GW_ERR_OK)
		rc = make_view(c, err);
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
	ASN1_BIT_STRING_free(c->signature);
	X509_CRL_free(c->view);
	X509_REVOKED_free(c->found);
	EVP_PKEY_free(c->verified_by);
	free(c->slots);
	free(c);
}

X509_CRL *
gw_crl_get0_x509(struct gw_crl *c)
{
	return c->view;
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
			e = X509V3_EXT_d2i(x);
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
	s = entry_at(c, slot);
	if (!next(&s, &entry))
		return malformed(err, BROKEN_ENTRY);
	s = contents(&entry);
	if (!next(&s, &t) || !next_time(&s, &out->when) ||
	    (s.len > 0 && !read_entry_extensions(s, out)))
		return malformed(err, "the certificate's entry is broken");
	return GW_ERR_OK;
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
