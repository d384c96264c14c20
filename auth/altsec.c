/* altsec.c — see altsec.h. */
#include "altsec.h"
#include "gw/util.h"

#include <ctype.h>
#include <string.h>

struct text {
	char buf[GW_ALTSEC_MAX];
	size_t len;
	bool bad; /* did not fit, or cannot be said */
};

static void
put(struct text *t, const char *s, size_t len)
{
	if (t->bad || len >= sizeof(t->buf) - t->len) {
		t->bad = true;
		return;
	}
	memcpy(t->buf + t->len, s, len);
	t->len += len;
	t->buf[t->len] = '\0';
}

static void
put_str(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void
put_hex(struct text *t, const uint8_t *p, size_t len)
{
	char pair[3];

	for (size_t i = 0; i < len; i++) {
		gw_hex(p + i, 1, pair);
		put(t, pair, 2);
	}
}

/* ---- names */

/* Windows' names (CertNameToStr); what it has no name for is OID.1.2.3. */
static void
put_attribute_name(struct text *t, const ASN1_OBJECT *oid)
{
	static const struct {
		int nid;
		const char *name;
	} names[] = {
		{ NID_commonName, "CN" },
		{ NID_countryName, "C" },
		{ NID_localityName, "L" },
		{ NID_stateOrProvinceName, "S" },
		{ NID_organizationName, "O" },
		{ NID_organizationalUnitName, "OU" },
		{ NID_domainComponent, "DC" },
		{ NID_pkcs9_emailAddress, "E" },
		{ NID_streetAddress, "STREET" },
		{ NID_title, "T" },
		{ NID_givenName, "G" },
		{ NID_initials, "I" },
		{ NID_surname, "SN" },
		{ NID_serialNumber, "SERIALNUMBER" },
	};
	char dotted[80];
	int nid = OBJ_obj2nid(oid);

	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (names[i].nid == nid) {
			put_str(t, names[i].name);
			return;
		}
	OBJ_obj2txt(dotted, sizeof(dotted), oid, 1);
	put_str(t, "OID.");
	put_str(t, dotted);
}

static bool
wants_quotes(const char *s, size_t len)
{
	return len == 0 || isspace((unsigned char)s[0]) ||
	       isspace((unsigned char)s[len - 1]) ||
	       strpbrk(s, ",+=\"\n<>#;") != NULL;
}

static void
put_value(struct text *t, const char *s, size_t len)
{
	if (!wants_quotes(s, len)) {
		put(t, s, len);
		return;
	}
	put_str(t, "\"");
	for (size_t i = 0; i < len; i++)
		put(t, s[i] == '"' ? "\"\"" : s + i, s[i] == '"' ? 2 : 1);
	put_str(t, "\"");
}

static void
put_entry(struct text *t, const X509_NAME_ENTRY *e)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));

	put_attribute_name(t, X509_NAME_ENTRY_get_object(e));
	put_str(t, "=");
	if (len < 0 || memchr(utf8, '\0', (size_t)len) != NULL)
		t->bad = true;
	else
		put_value(t, (const char *)utf8, (size_t)len);
	OPENSSL_free(utf8);
}

/* In the order of the encoding, which is root first. */
static void
put_name(struct text *t, const X509_NAME *name)
{
	int n = X509_NAME_entry_count(name), set = -1;

	if (n == 0)
		t->bad = true; /* an empty name matches nobody */
	for (int i = 0; i < n; i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);

		if (i > 0)
			put_str(t, X509_NAME_ENTRY_set(e) == set ? " + "
								  : ",");
		set = X509_NAME_ENTRY_set(e);
		put_entry(t, e);
	}
}

char *
gw_altsec_dn(const X509_NAME *name)
{
	struct text t = { .len = 0 };

	put_name(&t, name);
	return t.bad ? NULL : gw_xstrdup(t.buf);
}

/* ---- the values */

static void
add(struct gw_claims *c, const struct text *t, bool is_strong)
{
	if (t->bad || c->altsec_count >= GW_ALTSEC_COUNT)
		return;
	c->altsec[c->altsec_count++] = (struct gw_altsec){
		.value = gw_xstrdup(t->buf), .is_strong = is_strong,
	};
}

static void
add_issuer_serial(const X509 *x, struct gw_claims *c)
{
	struct text t = { .len = 0 };
	gw_auto(BN_free) BIGNUM *n =
		ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	uint8_t bytes[64];
	int len = n != NULL ? BN_num_bytes(n) : 0;

	if (len < 1 || len > (int)sizeof(bytes) || BN_is_negative(n))
		return;
	put_str(&t, "X509:<I>");
	put_name(&t, X509_get_issuer_name(x));
	put_str(&t, "<SR>");
	/* KB5014754: the serial number's bytes are written in reverse. */
	BN_bn2lebinpad(n, bytes, len);
	put_hex(&t, bytes, (size_t)len);
	add(c, &t, true);
}

static void
add_key_id(const X509 *x, struct gw_claims *c)
{
	const ASN1_OCTET_STRING *id =
		X509_get0_subject_key_id((X509 *)(uintptr_t)x);
	struct text t = { .len = 0 };

	if (id == NULL || ASN1_STRING_length(id) == 0)
		return;
	put_str(&t, "X509:<SKI>");
	put_hex(&t, ASN1_STRING_get0_data(id),
		(size_t)ASN1_STRING_length(id));
	add(c, &t, true);
}

/* Against its name and its documentation, the value Windows compares is the
 * SHA-1 of the whole certificate (its thumbprint), not of the public key;
 * Samba's tests against Windows say the same. It binds more, not less. */
static void
add_thumbprint(const X509 *x, struct gw_claims *c)
{
	struct text t = { .len = 0 };
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(x, EVP_sha1(), md, &len) != 1)
		return;
	put_str(&t, "X509:<SHA1-PUKEY>");
	put_hex(&t, md, len);
	add(c, &t, true);
}

static void
add_names(const X509 *x, struct gw_claims *c)
{
	struct text both = { .len = 0 }, subject = { .len = 0 };

	put_str(&both, "X509:<I>");
	put_name(&both, X509_get_issuer_name(x));
	put_str(&both, "<S>");
	put_name(&both, X509_get_subject_name(x));
	add(c, &both, false);
	put_str(&subject, "X509:<S>");
	put_name(&subject, X509_get_subject_name(x));
	add(c, &subject, false);
}

static bool
is_printable(struct gw_der s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	return s.len > 0;
}

static void
add_email(struct gw_der email, struct gw_claims *c)
{
	struct text t = { .len = 0 };

	if (!is_printable(email))
		return;
	put_str(&t, "X509:<RFC822>");
	put(&t, (const char *)email.p, email.len);
	add(c, &t, false);
}

void
gw_altsec_add_all(const X509 *leaf, struct gw_der email, struct gw_claims *c)
{
	add_issuer_serial(leaf, c);
	add_key_id(leaf, c);
	add_thumbprint(leaf, c);
	add_names(leaf, c);
	add_email(email, c);
}
