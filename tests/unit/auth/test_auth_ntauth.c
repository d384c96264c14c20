/* The CAs the directory allows: what is not known is not in it. */
#include <criterion/criterion.h>
#include <string.h>

#include "ntauth.h"
#include "vectors.h"

Test(ntauth, unknown_and_empty_hold_nothing)
{
	struct gw_ntauth t = { .is_known = false };
	const struct gw_ntauth_msg none = { .count = 0 };
	static const uint8_t zero[GW_SHA256];

	cr_expect_not(gw_ntauth_has(&t, zero), "unknown");
	gw_ntauth_set(&t, &none);
	cr_expect(t.is_known);
	cr_expect_not(gw_ntauth_has(&t, zero), "empty");
	gw_ntauth_clear(&t);
	cr_expect_not(t.is_known);
}

Test(ntauth, set_replaces)
{
	struct gw_ntauth t = { .is_known = false };
	struct gw_ntauth_msg m = { .count = 2 };
	uint8_t first[GW_SHA256], third[GW_SHA256];

	memset(m.sha256[0], 1, GW_SHA256);
	memset(m.sha256[1], 2, GW_SHA256);
	memset(m.sha256[2], 3, GW_SHA256); /* not counted */
	memcpy(first, m.sha256[0], GW_SHA256);
	memcpy(third, m.sha256[2], GW_SHA256);
	gw_ntauth_set(&t, &m);
	cr_expect(gw_ntauth_has(&t, first));
	cr_expect(gw_ntauth_has(&t, m.sha256[1]));
	cr_expect_not(gw_ntauth_has(&t, third));
	first[GW_SHA256 - 1] ^= 1;
	cr_expect_not(gw_ntauth_has(&t, first), "one bit");
	first[GW_SHA256 - 1] ^= 1;
	memcpy(m.sha256[0], third, GW_SHA256);
	m.count = 1;
	gw_ntauth_set(&t, &m);
	cr_expect_not(gw_ntauth_has(&t, first), "taken away");
	cr_expect(gw_ntauth_has(&t, third));
	gw_ntauth_clear(&t);
}

Test(ntauth, check)
{
	struct gw_ntauth t = { .is_known = false };
	struct gw_ntauth_msg m = { .count = 1 };
	struct gw_error err;

	cr_expect_eq(gw_ntauth_check(&t, vec("issuing"), &err),
		     GW_ERR_KDC_UNAVAILABLE, "unknown");
	gw_cert_sha256(vec("root"), m.sha256[0]);
	gw_ntauth_set(&t, &m);
	cr_expect_eq(gw_ntauth_check(&t, vec("issuing"), &err),
		     GW_ERR_CERT_NTAUTH, "its issuer is not enough");
	gw_cert_sha256(vec("issuing"), m.sha256[0]);
	gw_ntauth_set(&t, &m);
	cr_expect_eq(gw_ntauth_check(&t, vec("issuing"), &err), GW_ERR_OK);
	gw_ntauth_clear(&t);
}
