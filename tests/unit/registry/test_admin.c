/* test_admin.c — the messages of a change, and its list of errors. */
#include "gw/admin.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t buf[65536];

static bool
passes(const struct gw_admin *m, struct gw_admin *out)
{
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	struct gw_rd r;

	gw_admin_encode(&w, m);
	r = gw_rd_init(buf, w.len);
	return gw_admin_decode(&r, out);
}

#define PEM .pem = (const uint8_t *)"pem", .pem_len = 3
#define ID  .id = "c-0123456789"
/* Two settings, as gw_settings_add() lays them out. */
#define SET .settings = { 2, sizeof(set) - 1, set }
#define set "crl\0http://x/\0max_depth\0\0"

static const struct admin_case {
	const char *what;
	struct gw_admin m;
	bool passes;
} cases[] = {
	{ "register", { .verb = GW_ADMIN_CA_REGISTER, PEM }, true },
	{ "register, every option",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, SET,
	    .flags = GW_ADMIN_ALLOW_SHORT }, true },
	{ "register without PEM", { .verb = GW_ADMIN_CA_REGISTER }, false },
	{ "register with an id", { .verb = GW_ADMIN_CA_REGISTER, PEM, ID },
	  false },
	{ "register by force",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .flags = GW_ADMIN_FORCE },
	  false },
	{ "update", { .verb = GW_ADMIN_CA_UPDATE, ID, SET }, true },
	{ "update a short one",
	  { .verb = GW_ADMIN_CA_UPDATE, ID, SET,
	    .flags = GW_ADMIN_ALLOW_SHORT }, false },
	{ "a key there is not",
	  { .verb = GW_ADMIN_CA_UPDATE, ID,
	    .settings = { 1, 7, "file\0x" } }, false },
	{ "settings of none",
	  { .verb = GW_ADMIN_CA_DEREGISTER, ID, SET }, false },
	{ "settings of all", { .verb = GW_ADMIN_CLIENT_AUTH, SET }, false },
	{ "deregister", { .verb = GW_ADMIN_CA_DEREGISTER, ID }, true },
	{ "deregister by force",
	  { .verb = GW_ADMIN_CA_DEREGISTER, ID, .flags = GW_ADMIN_FORCE },
	  true },
	{ "deregister nothing", { .verb = GW_ADMIN_CA_DEREGISTER }, false },
	{ "deregister a bad id",
	  { .verb = GW_ADMIN_CA_DEREGISTER, .id = "c-012345678G" }, false },
	{ "enable", { .verb = GW_ADMIN_CLIENT_AUTH,
		      .flags = GW_ADMIN_ENABLE }, true },
	{ "a trial", { .verb = GW_ADMIN_TEST_CERT, PEM }, true },
	{ "a trial, every option",
	  { .verb = GW_ADMIN_TEST_CERT, PEM, .listener = "door", .at = 1 },
	  true },
	{ "a trial of nothing", { .verb = GW_ADMIN_TEST_CERT }, false },
	{ "a trial before all time",
	  { .verb = GW_ADMIN_TEST_CERT, PEM, .at = -1 }, false },
	{ "a trial with an id", { .verb = GW_ADMIN_TEST_CERT, PEM, ID },
	  false },
	{ "register at a listener",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .listener = "door" }, false },
	{ "register at a time",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .at = 1 }, false },
	{ "an unknown flag", { .verb = GW_ADMIN_CLIENT_AUTH, .flags = 8 },
	  false },
	{ "an unknown verb", { .verb = GW_ADMIN_VERB_COUNT }, false },
};

static bool
is_same(const struct gw_admin *a, const struct gw_admin *b)
{
	return a->verb == b->verb && a->flags == b->flags &&
	       strcmp(a->listener, b->listener) == 0 && a->at == b->at &&
	       strcmp(a->id, b->id) == 0 && a->pem_len == b->pem_len &&
	       a->settings.count == b->settings.count &&
	       a->settings.len == b->settings.len &&
	       memcmp(a->settings.text, b->settings.text,
		      a->settings.len) == 0;
}

Test(admin, table)
{
	static struct gw_admin out;

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		cr_expect_eq(passes(&cases[i].m, &out), cases[i].passes, "%s",
			     cases[i].what);
		cr_expect(!cases[i].passes || is_same(&out, &cases[i].m),
			  "%s", cases[i].what);
	}
}

/* The largest there can be is one message still. */
Test(admin, largest)
{
	static uint8_t pem[GW_ADMIN_PEM_MAX];
	static struct gw_admin m = { .verb = GW_ADMIN_CA_REGISTER,
				     .flags = GW_ADMIN_ALLOW_SHORT,
				     .pem = pem, .pem_len = sizeof(pem) }, out;
	char value[GW_SETTING_VALUE_MAX] = "";
	struct gw_wr w = gw_wr_init(buf, GW_PAYLOAD_MAX);

	memset(value, 'a', 240);
	while (gw_settings_add(&m.settings, "require_smartcard_eku", value))
		;
	cr_expect_gt(m.settings.len, 16000);
	cr_expect(passes(&m, &out) && is_same(&m, &out));
	gw_admin_encode(&w, &m);
	cr_expect_not(w.bad, "%zu", w.len);
}

/* A count that promises more than is allowed, or than is there. */
Test(admin, settings_counts)
{
	static const uint32_t counts[] = { 1, 3, GW_SETTINGS_MAX + 1,
					   UINT32_MAX };
	static struct gw_admin out;

	for (size_t i = 0; i < GW_COUNT(counts); i++) {
		struct gw_wr w = gw_wr_init(buf, sizeof(buf)), c;
		struct gw_rd r;

		gw_admin_encode(&w, &cases[1].m);
		c = gw_wr_init(buf + 9, 4); /* behind verb, flags and id */
		gw_wr_u32(&c, counts[i]);
		r = gw_rd_init(buf, w.len);
		cr_expect_not(gw_admin_decode(&r, &out), "%u", counts[i]);
	}
}

Test(admin, every_cut_is_refused)
{
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	static struct gw_admin out;

	gw_admin_encode(&w, &cases[1].m);
	for (size_t n = 0; n < w.len; n++) {
		struct gw_rd r = gw_rd_init(buf, n);

		cr_expect_not(gw_admin_decode(&r, &out), "cut at %zu", n);
	}
}

Test(admin, done)
{
	struct gw_admin_done d = { .error = GW_ADMIN_CERTIFICATE_IN_USE,
				   .id = "c-0123456789", .detail = "3 live",
				   .ended = 7 }, out;
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	struct gw_rd r;

	gw_admin_done_encode(&w, &d);
	r = gw_rd_init(buf, w.len);
	cr_assert(gw_admin_done_decode(&r, &out));
	cr_expect(out.error == d.error && out.ended == 7 &&
		  strcmp(out.detail, "3 live") == 0);
	buf[0] = GW_ADMIN_ERR_COUNT;
	r = gw_rd_init(buf, w.len);
	cr_expect_not(gw_admin_done_decode(&r, &out), "an unknown error");
}

static bool
names_pass(const void *der, size_t len)
{
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	const uint8_t *p;
	struct gw_rd r;
	size_t n;

	gw_wr_bytes(&w, der, len);
	r = gw_rd_init(buf, w.len);
	return gw_ca_names_decode(&r, &p, &n) && n == len;
}

Test(admin, ca_names)
{
	static const uint8_t large[GW_CA_NAMES_MAX + 1];

	cr_expect(names_pass("", 0), "none");
	cr_expect(names_pass("\x30\x00\x30\x01\x05", 5), "two");
	cr_expect(names_pass("\x30\x81\x01\x05", 4), "long form");
	cr_expect_not(names_pass("\x31\x00", 2), "no sequence");
	cr_expect_not(names_pass("\x30\x02\x05", 3), "cut");
	cr_expect_not(names_pass("\x30\x80\x00\x00", 4), "no length");
	cr_expect_not(names_pass("\x30\x00\x30", 3), "half a name");
	cr_expect_not(names_pass("\x30\x84\xff\xff\xff\xff", 6), "huge");
	cr_expect_not(names_pass(large, sizeof(large)), "too many");
}

Test(admin, errors)
{
	for (int i = 0; i < GW_ADMIN_ERR_COUNT; i++) {
		enum gw_admin_err e = (enum gw_admin_err)i;

		cr_expect_eq(gw_admin_err_by_name(gw_admin_err_name(e)), e);
		cr_expect_gt(strlen(gw_admin_err_cause(e)), 4);
		cr_expect_gt(strlen(gw_admin_err_cure(e)), 4);
		cr_expect_gt(gw_admin_err_status(e), 199);
	}
	cr_expect_eq(gw_admin_err_by_name("NoSuchError"), GW_ADMIN_ERR_COUNT);
}
