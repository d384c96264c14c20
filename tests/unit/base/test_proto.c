/* Messages between processes: each decoder refuses what its process must
 * never believe, and gives back what was encoded. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/proto.h"

static uint8_t buf[GW_PAYLOAD_MAX];

static struct gw_wr
writer(void)
{
	return gw_wr_init(buf, sizeof(buf));
}

static struct gw_admit
some_admit(void)
{
	static const uint8_t der[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };
	struct gw_admit a = { .login = "0123456789abcdef",
			      .listener = "desktop",
			      .peer = "127.0.0.1:4711",
			      .chain_count = 2 };

	a.chain[0] = (struct gw_der){ der, sizeof(der) };
	a.chain[1] = (struct gw_der){ der, 2 };
	return a;
}

static bool
admit_passes(const struct gw_admit *a)
{
	struct gw_wr w = writer();
	struct gw_rd r;
	struct gw_admit out;

	gw_admit_encode(&w, a);
	r = gw_rd_init(buf, w.len);
	return !w.bad && gw_admit_decode(&r, &out);
}

Test(admit, refusals)
{
	struct gw_admit a = some_admit();
	static const uint8_t big[GW_CERT_MAX + 1];

	cr_expect(admit_passes(&a));
	a.chain_count = 0;
	cr_expect_not(admit_passes(&a), "no certificate");
	a = some_admit();
	memcpy(a.login, "0123456789ABCDEF", 17);
	cr_expect_not(admit_passes(&a), "login id in capitals");
	a = some_admit();
	a.login[3] = '\0';
	cr_expect_not(admit_passes(&a), "short login id");
	a = some_admit();
	a.chain[0] = (struct gw_der){ big, sizeof(big) };
	cr_expect_not(admit_passes(&a), "certificate too large");
	for (size_t i = 0; i < 4; i++)
		a.chain[i] = (struct gw_der){ big, GW_CERT_MAX };
	a.chain_count = 4;
	cr_expect_not(admit_passes(&a), "chain too large in all");
	a = some_admit();
	a.gone = (struct gw_gone){ big, GW_GONE_MAX + 1 };
	cr_expect_not(admit_passes(&a), "too many that have gone");
	a.gone.count = GW_GONE_MAX;
	cr_expect(admit_passes(&a));
}

Test(admit, round_trip)
{
	static const uint8_t ids[] = "one of 16 bytes.and its brother.";
	struct gw_admit a = some_admit(), out;
	struct gw_wr w = writer();
	struct gw_rd r;

	a.gone = (struct gw_gone){ ids, 2 };
	gw_admit_encode(&w, &a);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_admit_decode(&r, &out));
	cr_expect_eq(out.gone.count, 2);
	cr_expect(memcmp(out.gone.ids, ids, 32) == 0);
	cr_expect_str_eq(out.listener, "desktop");
	cr_expect_eq(out.chain_count, 2);
	cr_expect_eq(out.chain[0].len, 5);
	cr_expect_eq(out.chain[0].p[4], 5);
}

Test(admit, every_cut_is_refused)
{
	struct gw_admit a = some_admit(), out;
	struct gw_wr w = writer();

	gw_admit_encode(&w, &a);
	for (size_t n = 0; n < w.len; n++) {
		struct gw_rd r = gw_rd_init(buf, n);

		cr_expect_not(gw_admit_decode(&r, &out), "cut at %zu", n);
	}
}

/* As `len` bytes that say of themselves they are `told`. */
static bool
gone_passes(size_t told, size_t len, size_t *out_count)
{
	static const uint8_t ids[(GW_GONE_MAX + 1) * GW_SESSION_ID];
	struct gw_wr w = writer();
	struct gw_gone out;
	struct gw_rd r;

	gw_wr_u32(&w, (uint32_t)told);
	gw_wr_raw(&w, ids, len);
	r = gw_rd_init(buf, w.len);
	if (!gw_gone_decode(&r, &out))
		return false;
	*out_count = out.count;
	return true;
}

Test(gone, lengths)
{
	const size_t most = GW_GONE_MAX * GW_SESSION_ID;
	size_t n;

	cr_expect_not(gone_passes(0, 0, &n), "nobody");
	cr_expect_not(gone_passes(15, 15, &n), "a piece of an id");
	cr_expect_not(gone_passes(17, 17, &n), "an id and a piece");
	cr_expect_not(gone_passes(16, 15, &n), "cut off");
	cr_expect_not(gone_passes(16, 17, &n), "something behind");
	cr_expect_not(gone_passes(0, 16, &n), "something behind nobody");
	cr_expect_not(gone_passes(most + 16, most + 16, &n), "too many");
	cr_expect_not(gone_passes(UINT32_MAX, 16, &n), "more than there is");
	cr_expect(gone_passes(16, 16, &n) && n == 1);
	cr_expect(gone_passes(most, most, &n) && n == GW_GONE_MAX);
}

static struct gw_verdict_msg
some_verdict(void)
{
	struct gw_verdict_msg v = { .verdict = GW_VERDICT_ALLOW,
				    .reason = GW_ERR_OK,
				    .login = "0123456789abcdef",
				    .until = 1700000000,
				    .has_account = true,
				    .sam = "alice",
				    .upn = "alice@corp.example",
				    .sid = "S-1-5-21-1-2-3-1104",
				    .mapping = GW_MAPPED_SID,
				    .route_count = 2 };

	v.groups = gw_xstrdup("Smartcard Users,Domain Users");
	v.routes[0] = GW_VERDICT_ALLOW;
	return v;
}

Test(verdict, round_trip)
{
	struct gw_verdict_msg v = some_verdict(), out;
	struct gw_wr w = writer();
	struct gw_rd r;

	gw_verdict_encode(&w, &v);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_verdict_decode(&r, &out));
	cr_expect_eq(out.verdict, GW_VERDICT_ALLOW);
	cr_expect_str_eq(out.groups, v.groups);
	cr_expect_eq(out.route_count, 2);
	cr_expect_eq(out.routes[0], GW_VERDICT_ALLOW);
	cr_expect_eq(out.routes[1], GW_VERDICT_DENY);
	gw_verdict_clear(&out);
	gw_verdict_clear(&v);
}

Test(verdict, zeroed_memory_denies)
{
	struct gw_verdict_msg v;

	memset(&v, 0, sizeof(v));
	cr_expect_eq(v.verdict, GW_VERDICT_DENY);
}

/* Every single-byte change of the verdict byte must not allow. */
Test(verdict, only_one_value_allows)
{
	struct gw_verdict_msg v = some_verdict(), out;
	struct gw_wr w = writer();

	gw_verdict_encode(&w, &v);
	for (unsigned b = 0; b < 256; b++) {
		struct gw_rd r = gw_rd_init(buf, w.len);

		buf[0] = (uint8_t)b;
		if (gw_verdict_decode(&r, &out)) {
			cr_expect_eq(b, GW_VERDICT_ALLOW);
			gw_verdict_clear(&out);
		}
	}
	gw_verdict_clear(&v);
}

Test(verdict, contradictions)
{
	struct gw_verdict_msg v = some_verdict(), out;
	struct gw_wr w = writer();
	struct gw_rd r;

	v.reason = GW_ERR_CERT_REVOKED;
	gw_verdict_encode(&w, &v);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_verdict_decode(&r, &out), "allowed for a reason");
	cr_expect_eq(out.verdict, GW_VERDICT_DENY);

	v.verdict = GW_VERDICT_DENY;
	v.reason = GW_ERR_OK;
	w = writer();
	gw_verdict_encode(&w, &v);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_verdict_decode(&r, &out), "denied without one");

	v.verdict = GW_VERDICT_ALLOW;
	v.routes[0] = 1;
	w = writer();
	gw_verdict_encode(&w, &v);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_verdict_decode(&r, &out), "route verdict of 1");
	gw_verdict_clear(&v);
}

Test(verdict, every_cut_is_refused)
{
	struct gw_verdict_msg v = some_verdict(), out;
	struct gw_wr w = writer();

	gw_verdict_encode(&w, &v);
	for (size_t n = 0; n < w.len; n++) {
		struct gw_rd r = gw_rd_init(buf, n);

		cr_expect_not(gw_verdict_decode(&r, &out), "cut at %zu", n);
		cr_expect_neq(out.verdict, GW_VERDICT_ALLOW);
	}
	gw_verdict_clear(&v);
}

static bool
logon_passes(const struct gw_logon *l, struct gw_logon *out)
{
	struct gw_wr w = writer();
	struct gw_rd r;

	gw_logon_encode(&w, l);
	r = gw_rd_init(buf, w.len);
	return !w.bad && gw_logon_decode(&r, out);
}

Test(logon, claims_are_checked_again)
{
	struct gw_logon l = { .login = "0123456789abcdef", .budget_ms = 7000 };
	struct gw_logon out;

	memcpy(l.claims.upn, "alice@corp.example", 19);
	memcpy(l.claims.sid, "S-1-5-21-1", 11);
	l.claims.altsec[0].value = gw_xstrdup("X509:<SKI>00ff");
	l.claims.altsec[0].is_strong = true;
	l.claims.altsec_count = 1;
	l.claims.not_before = -7;
	cr_assert(logon_passes(&l, &out));
	cr_expect_str_eq(out.claims.altsec[0].value, "X509:<SKI>00ff");
	cr_expect(out.claims.altsec[0].is_strong);
	cr_expect_eq(out.claims.not_before, -7);
	gw_claims_clear(&out.claims);
	memcpy(l.claims.sid, "S-1-5-x", 8);
	cr_expect_not(logon_passes(&l, &out), "broken SID");
	l.claims.sid[0] = '\0';
	memcpy(l.claims.upn, "al\nice@corp", 12);
	cr_expect_not(logon_passes(&l, &out), "control character in the UPN");
	gw_claims_clear(&l.claims);
}

Test(logon, leaf_is_bounded)
{
	static const uint8_t big[GW_CERT_MAX + 1];
	struct gw_logon l = { .login = "0123456789abcdef" }, out;

	l.leaf = (struct gw_der){ big, sizeof(big) };
	cr_expect_not(logon_passes(&l, &out), "certificate too large");
	l.leaf.len = GW_CERT_MAX;
	cr_assert(logon_passes(&l, &out));
	cr_expect_eq(out.leaf.len, GW_CERT_MAX);
	l.leaf = (struct gw_der){ NULL, 0 };
	cr_assert(logon_passes(&l, &out));
	cr_expect_eq(out.leaf.len, 0);
}

static bool
crl_ask_passes(const char *url, size_t cut, struct gw_crl_ask *out)
{
	struct gw_wr w = writer();
	struct gw_rd r;

	gw_wr_u32(&w, 1500);
	gw_wr_str(&w, url);
	r = gw_rd_init(buf, w.len - cut);
	return !w.bad && gw_crl_ask_decode(&r, out);
}

Test(crl_ask, bounds)
{
	char url[GW_LDAP_URL_MAX + 1];
	struct gw_crl_ask out, m = { .budget_ms = 9 };
	struct gw_wr w = writer();
	struct gw_rd r;

	memset(url, 'x', sizeof(url));
	url[GW_LDAP_URL_MAX] = '\0';
	cr_expect_not(crl_ask_passes(url, 0, &out), "too long");
	cr_expect_not(crl_ask_passes("", 0, &out), "empty");
	cr_expect_not(crl_ask_passes("ldap:///x", 1, &out), "cut");
	memcpy(m.url, "ldap:///CN=x?y", 15);
	gw_crl_ask_encode(&w, &m);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_crl_ask_decode(&r, &out));
	cr_expect_eq(out.budget_ms, 9);
	cr_expect_str_eq(out.url, m.url);
}

Test(crl, size)
{
	static const struct { uint32_t size; bool passes; } cases[] = {
		{ 0, false }, { GW_CRL_FILE_MAX + 1, false },
		{ UINT32_MAX, false }, { 1, true }, { GW_CRL_FILE_MAX, true },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct gw_wr w = writer();
		struct gw_rd r;
		uint32_t out = 7;

		gw_crl_encode(&w, cases[i].size);
		r = gw_rd_init(buf, w.len);
		cr_expect_eq(gw_crl_decode(&r, &out), cases[i].passes, "%u",
			     cases[i].size);
		cr_expect_eq(out, cases[i].passes ? cases[i].size : 7);
		r = gw_rd_init(buf, w.len - 1);
		cr_expect_not(gw_crl_decode(&r, &out), "cut");
	}
}

Test(ntauth, every_cut_is_refused)
{
	struct gw_ntauth_msg m = { .count = 2 }, out;
	struct gw_wr w = writer();
	struct gw_rd r;

	memset(m.sha256[0], 0xaa, GW_SHA256);
	memset(m.sha256[1], 0xbb, GW_SHA256);
	gw_ntauth_encode(&w, &m);
	for (size_t n = 0; n < w.len; n++) {
		r = gw_rd_init(buf, n);
		cr_expect_not(gw_ntauth_decode(&r, &out), "cut at %zu", n);
		cr_expect_eq(out.count, 0);
	}
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_ntauth_decode(&r, &out));
	cr_expect_eq(out.count, 2);
	cr_expect_arr_eq(out.sha256, m.sha256, sizeof(m.sha256));
}

Test(ntauth, count)
{
	struct gw_ntauth_msg out;
	struct gw_wr w = writer();
	struct gw_rd r;

	gw_wr_u32(&w, GW_NTAUTH_MAX + 1);
	for (size_t i = 0; i < (GW_NTAUTH_MAX + 1) * GW_SHA256; i++)
		gw_wr_u8(&w, 1);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_ntauth_decode(&r, &out), "too many");
	w = writer();
	gw_wr_u32(&w, 0);
	r = gw_rd_init(buf, w.len);
	cr_expect(gw_ntauth_decode(&r, &out), "none is an answer, too");
	gw_wr_u8(&w, 0);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_ntauth_decode(&r, &out), "bytes left over");
}

static struct gw_facts
some_facts(void)
{
	struct gw_facts f = { .sam = "alice",
			      .sid = "S-1-5-21-1-2-3-1104",
			      .mapping = GW_MAPPED_SID,
			      .ticket_end = 1700000000 };

	f.groups = gw_xcalloc(1, sizeof(*f.groups));
	f.groups[0].sid = gw_xstrdup("S-1-5-21-1-2-3-513");
	f.groups[0].name = gw_xstrdup("Domain Users");
	f.group_count = 1;
	return f;
}

static bool
facts_pass(const struct gw_facts *f)
{
	struct gw_wr w = writer();
	struct gw_rd r;
	struct gw_facts out;
	bool passed;

	gw_facts_encode(&w, f);
	r = gw_rd_init(buf, w.len);
	passed = gw_facts_decode(&r, &out);
	gw_facts_clear(&out);
	return passed;
}

Test(facts, must_be_about_somebody)
{
	struct gw_facts f = some_facts();

	cr_expect(facts_pass(&f));
	f.mapping = GW_MAPPED_NOT;
	cr_expect_not(facts_pass(&f), "not mapped");
	f.mapping = GW_MAPPED_COUNT;
	cr_expect_not(facts_pass(&f), "mapped in an unknown way");
	f.mapping = GW_MAPPED_KDC;
	cr_expect(facts_pass(&f));
	f.mapping = GW_MAPPED_SID;
	f.sam[0] = '\0';
	cr_expect_not(facts_pass(&f), "no account name");
	memcpy(f.sam, "alice", 6);
	f.sid[0] = '\0';
	cr_expect_not(facts_pass(&f), "no SID");
	gw_facts_clear(&f);
}

Test(facts, every_cut_is_refused)
{
	struct gw_facts f = some_facts(), out;
	struct gw_wr w = writer();

	gw_facts_encode(&w, &f);
	for (size_t n = 0; n < w.len; n++) {
		struct gw_rd r = gw_rd_init(buf, n);

		cr_expect_not(gw_facts_decode(&r, &out), "cut at %zu", n);
	}
	gw_facts_clear(&f);
}

Test(refused, never_says_ok)
{
	struct gw_refused x = { .code = GW_ERR_OK }, out;
	struct gw_wr w = writer();
	struct gw_rd r;

	gw_refused_encode(&w, &x);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_refused_decode(&r, &out));
	cr_expect_eq(out.code, GW_ERR_INTERNAL);
}

Test(file, purpose_and_size)
{
	struct gw_file f = { .purpose = GW_FILE_KEYTAB }, out;
	struct gw_wr w = writer();
	struct gw_rd r;

	f.data = gw_xcalloc(GW_FILE_MAX + 1, 1);
	f.len = GW_FILE_MAX + 1;
	gw_file_encode(&w, &f);
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_file_decode(&r, &out), "too large");
	f.len = 4;
	w = writer();
	gw_file_encode(&w, &f);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_file_decode(&r, &out));
	cr_expect_eq(out.len, 4);
	gw_file_clear(&out);
	buf[0] = 200;
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_file_decode(&r, &out), "unknown purpose");
	gw_file_clear(&f);
}
