/* Claims: every encoding that is not the one right encoding is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "altsec.h"
#include "claims.h"
#include "der.h"
#include "gw/util.h"
#include "vectors.h"

/* ---- building DER by hand */

struct buf {
	uint8_t p[8192];
	size_t len;
};

static struct buf
tlv(uint8_t tag, const void *p, size_t len)
{
	struct buf b = { .len = 0 };

	b.p[b.len++] = tag;
	if (len < 0x80) {
		b.p[b.len++] = (uint8_t)len;
	} else if (len < 0x100) {
		b.p[b.len++] = 0x81;
		b.p[b.len++] = (uint8_t)len;
	} else {
		b.p[b.len++] = 0x82;
		b.p[b.len++] = (uint8_t)(len >> 8);
		b.p[b.len++] = (uint8_t)len;
	}
	memcpy(b.p + b.len, p, len);
	b.len += len;
	return b;
}

static struct buf
wrap(uint8_t tag, struct buf in)
{
	return tlv(tag, in.p, in.len);
}

static struct buf
cat(struct buf a, struct buf b)
{
	memcpy(a.p + a.len, b.p, b.len);
	a.len += b.len;
	return a;
}

static const uint8_t upn_oid[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37,
				   0x14, 0x02, 0x03 };
static const uint8_t sid_oid[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37,
				   0x19, 0x02, 0x01 };

static struct buf
other_name(uint8_t string_tag, const void *p, size_t len)
{
	return wrap(0xa0, cat(tlv(0x06, upn_oid, sizeof(upn_oid)),
			      wrap(0xa0, tlv(string_tag, p, len))));
}

#define UPN(s) other_name(0x0c, s, sizeof(s) - 1)
#define URI(s) tlv(0x86, s, sizeof(s) - 1)

static struct buf
san(struct buf names)
{
	return wrap(0x30, names);
}

static struct buf
sid_ext(const void *p, size_t len)
{
	return wrap(0x30, wrap(0xa0,
		cat(tlv(0x06, sid_oid, sizeof(sid_oid)),
		    wrap(0xa0, tlv(0x04, p, len)))));
}
#define SID(s) sid_ext(s, sizeof(s) - 1)

static struct buf
raw(const void *p, size_t len)
{
	struct buf b = { .len = len };

	memcpy(b.p, p, len);
	return b;
}
#define RAW(s) raw(s, sizeof(s) - 1)
#define NONE   (struct buf){ .len = 0 }

#define SAN_OID "2.5.29.17"
#define SID_OID "1.3.6.1.4.1.311.25.2"
#define S1 "S-1-5-21-1-2-3-1104"
#define S2 "S-1-5-21-1-2-3-1105"
#define TAG "tag:microsoft.com,2022-09-14:sid:"

static enum gw_err
read_claims(struct buf names, struct buf sid, struct gw_claims *c,
	    struct gw_error *err)
{
	struct raw_ext exts[2];
	size_t n = 0;
	enum gw_err rc;
	X509 *x;

	memset(c, 0, sizeof(*c));
	err->detail[0] = '\0';
	if (names.len > 0)
		exts[n++] = (struct raw_ext){ SAN_OID, names.p, names.len };
	if (sid.len > 0)
		exts[n++] = (struct raw_ext){ SID_OID, sid.p, sid.len };
	x = vec_raw(exts, n);
	rc = gw_claims_read(x, c, err);
	X509_free(x);
	return rc;
}

static void
refuse(const char *what, struct buf names, struct buf sid, enum gw_err want)
{
	struct gw_claims c;
	struct gw_error err;
	enum gw_err rc = read_claims(names, sid, &c, &err);

	cr_expect_eq(rc, want, "%s: %s (%s)", what, gw_err_name(rc),
		     err.detail);
	cr_expect_eq(c.upn[0], '\0', "%s: a UPN came out", what);
	cr_expect_eq(c.sid[0], '\0', "%s: a SID came out", what);
	gw_claims_clear(&c);
}

#define BAD_UPN(what, s) refuse(what, san(UPN(s)), NONE, GW_ERR_MAP_MALFORMED)
#define BAD_SAN(what, b) refuse(what, b, NONE, GW_ERR_MAP_MALFORMED)
#define BAD_SID(what, b) refuse(what, NONE, b, GW_ERR_MAP_MALFORMED)

Test(upn, text)
{
	char longest[1200];

	BAD_UPN("empty", "");
	BAD_UPN("no suffix", "alice");
	BAD_UPN("empty suffix", "alice@");
	BAD_UPN("empty name", "@corp");
	BAD_UPN("two at signs", "a@b@corp");
	BAD_UPN("NUL inside", "admin\0@corp.example");
	BAD_UPN("NUL at the end", "admin@corp.example\0");
	BAD_UPN("NUL before the rest", "admin@corp\0.evil.example");
	BAD_UPN("newline", "admin\n@corp");
	BAD_UPN("DEL", "admin\x7f@corp");
	BAD_UPN("right-to-left override", "\xe2\x80\xae" "ecila@corp");
	BAD_UPN("isolate", "\xe2\x81\xa6" "alice@corp");
	BAD_UPN("direction mark in the suffix", "alice@co\xe2\x80\x8frp");
	BAD_UPN("tab", "admin\t@corp");
	BAD_UPN("C1 control", "admin\xc2\x9b@corp");
	BAD_UPN("variation selector", "alice\xef\xb8\x8f@corp");
	BAD_UPN("byte-order mark", "\xef\xbb\xbf" "alice@corp");
	BAD_UPN("zero-width space", "ali\xe2\x80\x8b" "ce@corp");
	BAD_UPN("not UTF-8", "al\xffice@corp");
	BAD_UPN("Latin-1", "andr\xe9@corp");
	BAD_UPN("UTF-8 too long for its letter", "\xc1\x81lice@corp");
	BAD_UPN("surrogate", "\xed\xa0\x80@corp");
	BAD_UPN("cut letter", "alice@corp\xc3");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 1018, "@b.corp", 7);
	BAD_SAN("1025 bytes", san(other_name(0x0c, longest, 1025)));
}

Test(upn, encoding)
{
	static const uint16_t bmp[] = { 0x6100, 0x4000, 0x6200 };

	BAD_SAN("BMPString", san(other_name(0x1e, bmp, sizeof(bmp))));
	BAD_SAN("IA5String", san(other_name(0x16, "a@b", 3)));
	BAD_SAN("PrintableString", san(other_name(0x13, "a@b", 3)));
	BAD_SAN("OCTET STRING", san(other_name(0x04, "a@b", 3)));
	BAD_SAN("constructed string",
		san(other_name(0x2c, "\x0c\x03" "a@b", 5)));
	BAD_SAN("twice", san(cat(UPN("alice@corp"), UPN("bob@corp"))));
	BAD_SAN("twice the same",
		san(cat(UPN("alice@corp"), UPN("alice@corp"))));
	BAD_SAN("bytes after the string", san(wrap(0xa0, cat(
		tlv(0x06, upn_oid, sizeof(upn_oid)),
		wrap(0xa0, cat(tlv(0x0c, "a@b", 3), tlv(0x05, "", 0)))))));
	BAD_SAN("bytes after the value", san(wrap(0xa0, cat(cat(
		tlv(0x06, upn_oid, sizeof(upn_oid)),
		wrap(0xa0, tlv(0x0c, "a@b", 3))), tlv(0x05, "", 0)))));
	BAD_SAN("implicit value", san(wrap(0xa0, cat(
		tlv(0x06, upn_oid, sizeof(upn_oid)),
		tlv(0x0c, "a@b", 3)))));
	BAD_SAN("no value", san(wrap(0xa0, tlv(0x06, upn_oid,
					       sizeof(upn_oid)))));
	BAD_SAN("no type", san(wrap(0xa0, wrap(0xa0, tlv(0x0c, "a@b", 3)))));
	BAD_SAN("bytes after the names",
		cat(san(UPN("alice@corp")), tlv(0x05, "", 0)));
	BAD_SAN("not a SEQUENCE", wrap(0x31, UPN("alice@corp")));
	BAD_SAN("name cut off", RAW("\x30\x05\x82\x10" "abc"));
	BAD_SAN("long form of a short length",
		san(cat(UPN("alice@corp"), RAW("\x82\x81\x01" "a"))));
	BAD_SAN("indefinite length",
		RAW("\x30\x80\x82\x01" "a" "\x00\x00"));
}

Test(sid, structure)
{
	struct buf entry = wrap(0xa0, cat(
		tlv(0x06, sid_oid, sizeof(sid_oid)),
		wrap(0xa0, tlv(0x04, S1, sizeof(S1) - 1))));
	uint8_t wrong[sizeof(sid_oid)];

	memcpy(wrong, sid_oid, sizeof(wrong));
	wrong[sizeof(wrong) - 1] = 2;
	BAD_SID("two entries", wrap(0x30, cat(entry, entry)));
	BAD_SID("no entry", wrap(0x30, NONE));
	BAD_SID("bytes after", cat(SID(S1), tlv(0x05, "", 0)));
	BAD_SID("another type", wrap(0x30, wrap(0xa0, cat(
		tlv(0x06, wrong, sizeof(wrong)),
		wrap(0xa0, tlv(0x04, S1, sizeof(S1) - 1))))));
	BAD_SID("UTF8String", wrap(0x30, wrap(0xa0, cat(
		tlv(0x06, sid_oid, sizeof(sid_oid)),
		wrap(0xa0, tlv(0x0c, S1, sizeof(S1) - 1))))));
	BAD_SID("no wrapper", wrap(0x30, wrap(0xa0, cat(
		tlv(0x06, sid_oid, sizeof(sid_oid)),
		tlv(0x04, S1, sizeof(S1) - 1)))));
	BAD_SID("bytes inside the wrapper", wrap(0x30, wrap(0xa0, cat(
		tlv(0x06, sid_oid, sizeof(sid_oid)),
		wrap(0xa0, cat(tlv(0x04, S1, sizeof(S1) - 1),
			       tlv(0x05, "", 0)))))));
	BAD_SID("not DER at all", RAW(S1));
	BAD_SID("empty", tlv(0x30, "", 0));
	BAD_SID("constructed octets", wrap(0x30, wrap(0xa0, cat(
		tlv(0x06, sid_oid, sizeof(sid_oid)),
		wrap(0xa0, wrap(0x24, tlv(0x04, S1, sizeof(S1) - 1)))))));
}

Test(sid, text)
{
	BAD_SID("empty", SID(""));
	BAD_SID("NUL inside", SID("S-1-5-21-1-2-3-1104\0-5"));
	BAD_SID("NUL at the end", SID(S1 "\0"));
	BAD_SID("space", SID(S1 " "));
	BAD_SID("lower case", SID("s-1-5-21-1-2-3-1104"));
	BAD_SID("leading zero", SID("S-1-5-21-1-2-3-01104"));
	BAD_SID("too large", SID("S-1-5-21-1-2-3-4294967296"));
	BAD_SID("no sub-authority", SID("S-1-5"));
	BAD_SID("letters", SID("S-1-5-21-a"));
	BAD_SID("sign", SID("S-1-5-21--1"));
	BAD_SID("binary", SID("\x01\x01\x00\x00\x00\x00\x00\x05"));
	BAD_SAN("URI without SID", san(URI(TAG)));
	BAD_SAN("URI with a bad SID", san(URI(TAG "S-1-x")));
	BAD_SAN("URI with NUL", san(URI(TAG S1 "\0")));
}

Test(sid, contradictions)
{
	struct raw_ext twice[2];
	struct buf e = SID(S1);
	struct gw_claims c;
	struct gw_error err;
	X509 *x;

	refuse("extension and URI", san(URI(TAG S2)), SID(S1),
	       GW_ERR_MAP_AMBIGUOUS);
	refuse("two URIs", san(cat(URI(TAG S1), URI(TAG S2))), NONE,
	       GW_ERR_MAP_AMBIGUOUS);
	twice[0] = twice[1] = (struct raw_ext){ SID_OID, e.p, e.len };
	x = vec_raw(twice, 2);
	cr_expect_eq(gw_claims_read(x, &c, &err), GW_ERR_MAP_MALFORMED,
		     "extension twice");
	X509_free(x);
	e = san(UPN("alice@corp"));
	twice[0] = twice[1] = (struct raw_ext){ SAN_OID, e.p, e.len };
	x = vec_raw(twice, 2);
	cr_expect_eq(gw_claims_read(x, &c, &err), GW_ERR_MAP_MALFORMED,
		     "alternative names twice");
	X509_free(x);
}

static void
accept(const char *what, struct buf names, struct buf sid, const char *upn,
       const char *want_sid)
{
	struct gw_claims c;
	struct gw_error err;
	enum gw_err rc = read_claims(names, sid, &c, &err);

	cr_expect_eq(rc, GW_ERR_OK, "%s: %s", what, err.detail);
	cr_expect_str_eq(c.upn, upn, "%s", what);
	cr_expect_str_eq(c.sid, want_sid, "%s", what);
	gw_claims_clear(&c);
}

Test(claims, good)
{
	char longest[1024];

	accept("nothing", NONE, NONE, "", "");
	accept("UPN", san(UPN("alice@corp")), NONE, "alice@corp", "");
	accept("UTF-8", san(UPN("andr\xc3\xa9@corp")), NONE,
	       "andr\xc3\xa9@corp", "");
	accept("SID", NONE, SID(S1), "", S1);
	accept("URI", san(URI(TAG S1)), NONE, "", S1);
	accept("URI and extension agree", san(URI(TAG S1)), SID(S1), "", S1);
	accept("another URI", san(URI("urn:uuid:1")), NONE, "", "");
	accept("tag in capitals is another tag",
	       san(URI("TAG:microsoft.com,2022-09-14:sid:" S1)), NONE, "", "");
	accept("all", san(cat(cat(UPN("a@b"), URI(TAG S1)),
			      tlv(0x81, "a@b.example", 11))), SID(S1), "a@b",
	       S1);
	memset(longest, 'a', sizeof(longest));
	longest[10] = '@';
	{
		struct gw_claims c;
		struct gw_error err;

		cr_expect_eq(read_claims(san(other_name(0x0c, longest, 1024)),
					 NONE, &c, &err), GW_ERR_OK);
		cr_expect_eq(strlen(c.upn), 1024);
		gw_claims_clear(&c);
	}
}

/* The FASC-N of a PIV card is another otherName: read over. */
Test(claims, other_other_names)
{
	static const uint8_t fascn[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
					 0x06, 0x06 };
	struct buf piv = wrap(0xa0, cat(
		tlv(0x06, fascn, sizeof(fascn)),
		wrap(0xa0, tlv(0x04, "\xd4\xe7", 2))));

	accept("PIV", san(cat(piv, UPN("1234567890@mil"))), NONE,
	       "1234567890@mil", "");
}

Test(claims, of_a_real_certificate)
{
	struct gw_claims c;
	struct gw_error err;

	cr_assert_eq(gw_claims_read(vec("good"), &c, &err), GW_ERR_OK, "%s",
		     err.detail);
	cr_expect_str_eq(c.upn, "alice@corp.example.com");
	cr_expect_str_eq(c.sid, S1);
	gw_claims_clear(&c);
}

/* ---- altSecurityIdentities */

static const char *
value_of(const struct gw_claims *c, const char *prefix, bool *is_strong)
{
	for (size_t i = 0; i < c->altsec_count; i++)
		if (strncmp(c->altsec[i].value, prefix, strlen(prefix)) ==
		    0) {
			*is_strong = c->altsec[i].is_strong;
			return c->altsec[i].value;
		}
	return "";
}

Test(altsec, forms)
{
	struct gw_claims c;
	struct gw_error err;
	uint8_t sha1[20];
	char want[128], hex[41];
	bool strong;

	cr_assert_eq(gw_claims_read(vec("good"), &c, &err), GW_ERR_OK);
	cr_expect_not_null(strstr(value_of(&c, "X509:<I>", &strong),
			"X509:<I>DC=com,DC=example,CN=Issuing<SR>"));
	cr_expect(strong);
	cr_expect_str_neq(value_of(&c, "X509:<SKI>", &strong), "");
	cr_expect(strong);
	X509_digest(vec("good"), EVP_sha1(), sha1, NULL);
	gw_hex(sha1, sizeof(sha1), hex);
	snprintf(want, sizeof(want), "X509:<SHA1-PUKEY>%s", hex);
	cr_expect_str_eq(value_of(&c, "X509:<SHA1-PUKEY>", &strong), want);
	cr_expect(strong);
	cr_expect_str_eq(value_of(&c, "X509:<S>", &strong),
			 "X509:<S>O=Example,CN=good");
	cr_expect_not(strong);
	cr_expect_str_eq(value_of(&c, "X509:<RFC822>", &strong),
			 "X509:<RFC822>alice@example.com");
	cr_expect_not(strong);
	cr_expect_eq(c.altsec_count, 6);
	cr_expect_str_eq(c.altsec[3].value,
			 "X509:<I>DC=com,DC=example,CN=Issuing"
			 "<S>O=Example,CN=good");
	cr_expect_not(c.altsec[3].is_strong);
	gw_claims_clear(&c);
}

Test(altsec, serial_is_reversed)
{
	struct gw_claims c;
	struct gw_error err;
	bool strong;
	X509 *x = vec_raw(NULL, 0);

	cr_assert_eq(gw_claims_read(x, &c, &err), GW_ERR_OK);
	cr_expect_str_eq(value_of(&c, "X509:<I>", &strong),
			 "X509:<I>DC=com,CN=raw<SR>030201");
	gw_claims_clear(&c);
	X509_free(x);
}

static const struct {
	const char *value, *want;
} names[] = {
	{ "plain", "CN=plain" },
	{ "a, b", "CN=\"a, b\"" },
	{ "say \"hi\"", "CN=\"say \"\"hi\"\"\"" },
	{ " lead", "CN=\" lead\"" },
	{ "a+b", "CN=\"a+b\"" },
	{ "a=b", "CN=\"a=b\"" },
	{ "a<SR>00", "CN=\"a<SR>00\"" },
	{ "M\xc3\xbcller", "CN=M\xc3\xbcller" },
};

Test(altsec, names)
{
	for (size_t i = 0; i < GW_COUNT(names); i++) {
		X509_NAME *n = X509_NAME_new();
		char *got;

		X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
					   (const uint8_t *)names[i].value,
					   -1, -1, 0);
		got = gw_altsec_dn(n);
		cr_expect_str_eq(got, names[i].want);
		free(got);
		X509_NAME_free(n);
	}
}

Test(altsec, names_that_cannot_be_said)
{
	X509_NAME *n = X509_NAME_new();

	cr_expect_null(gw_altsec_dn(n), "empty");
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
				   (const uint8_t *)"a\0b", 3, -1, 0);
	cr_expect_null(gw_altsec_dn(n), "NUL inside");
	X509_NAME_free(n);
}

/* ---- the DER reader */

static const struct {
	const char *what;
	const char *bytes;
	size_t len;
	bool want;
} ders[] = {
	{ "empty", "", 0, false },
	{ "tag alone", "\x30", 1, false },
	{ "cut", "\x30\x02\x00", 3, false },
	{ "indefinite", "\x30\x80\x00\x00", 4, false },
	{ "high tag", "\x1f\x81\x01\x00", 4, false },
	{ "81 for a short length", "\x04\x81\x01" "a", 4, false },
	{ "82 with a zero", "\x04\x82\x00\x01" "a", 5, false },
	{ "length of 4 octets", "\x04\x84\x00\x00\x00\x01" "a", 7, false },
	{ "length of 127 octets", "\x04\xff", 2, false },
	{ "trailing", "\x04\x01" "ab", 4, false },
	{ "plain", "\x04\x01" "a", 3, true },
	{ "empty string", "\x04\x00", 2, true },
};

Test(der, strict)
{
	for (size_t i = 0; i < GW_COUNT(ders); i++) {
		struct gw_der body, in = {
			(const uint8_t *)ders[i].bytes, ders[i].len };
		bool got = gw_der_only(in, 0x04, &body) ||
			   gw_der_only(in, 0x30, &body) ||
			   gw_der_only(in, 0x1f, &body);

		cr_expect_eq(got, ders[i].want, "%s", ders[i].what);
	}
}
