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

static const struct admin_case {
	const char *what;
	struct gw_admin m;
	bool passes;
} cases[] = {
	{ "register", { .verb = GW_ADMIN_CA_REGISTER, PEM }, true },
	{ "register, every option",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .ocsp_url = "http://x/",
	    .ocsp_mode = 1, .flags = GW_ADMIN_HAS_URL | GW_ADMIN_HAS_MODE |
	    GW_ADMIN_ALLOW_SHORT }, true },
	{ "register without PEM", { .verb = GW_ADMIN_CA_REGISTER }, false },
	{ "register with an id", { .verb = GW_ADMIN_CA_REGISTER, PEM, ID },
	  false },
	{ "register by force",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .flags = GW_ADMIN_FORCE },
	  false },
	{ "a URL nobody announced",
	  { .verb = GW_ADMIN_CA_REGISTER, PEM, .ocsp_url = "http://x/" },
	  false },
	{ "a mode there is not",
	  { .verb = GW_ADMIN_CA_UPDATE, ID, .ocsp_mode = 2,
	    .flags = GW_ADMIN_HAS_MODE }, false },
	{ "deregister", { .verb = GW_ADMIN_CA_DEREGISTER, ID }, true },
	{ "deregister by force",
	  { .verb = GW_ADMIN_CA_DEREGISTER, ID, .flags = GW_ADMIN_FORCE },
	  true },
	{ "deregister nothing", { .verb = GW_ADMIN_CA_DEREGISTER }, false },
	{ "deregister a bad id",
	  { .verb = GW_ADMIN_CA_DEREGISTER, .id = "c-012345678G" }, false },
	{ "enable", { .verb = GW_ADMIN_CLIENT_AUTH,
		      .flags = GW_ADMIN_ENABLE }, true },
	{ "an unknown flag", { .verb = GW_ADMIN_CLIENT_AUTH, .flags = 32 },
	  false },
	{ "an unknown verb", { .verb = GW_ADMIN_VERB_COUNT }, false },
};

Test(admin, table)
{
	struct gw_admin out;

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		cr_expect_eq(passes(&cases[i].m, &out), cases[i].passes, "%s",
			     cases[i].what);
		if (cases[i].passes)
			cr_expect(out.verb == cases[i].m.verb &&
				  out.flags == cases[i].m.flags &&
				  strcmp(out.id, cases[i].m.id) == 0 &&
				  out.pem_len == cases[i].m.pem_len, "%s",
				  cases[i].what);
	}
}

Test(admin, every_cut_is_refused)
{
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	struct gw_admin out;

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
