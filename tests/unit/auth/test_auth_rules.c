/* gwd-auth when what certificates are judged by changes while sessions live:
 * the registered CAs, their settings, NTAuth. */
#include <criterion/criterion.h>
#include <string.h>

#include "cert.h"
#include "driver.h"
#include "vectors.h"
#include "gw/util.h"

static struct auth a;
static char id[GW_CA_ID_SIZE];

static void
begin(void)
{
	auth_start_unregistered(&a);
	register_ca(&a, "issuing", id);
}

static void
end(void)
{
	if (a.pid > 0)
		auth_stop(&a);
}

TestSuite(rules, .init = begin, .fini = end, .timeout = 300);

/* At the door that admits by certificate. */
static struct gw_verdict_msg
knock(uint64_t n, const char *card)
{
	admit(&a, 0, n, card, "door");
	return verdict(&a, 0, n);
}

static struct gw_verdict_msg
enter(const char *card)
{
	struct gw_verdict_msg v = knock(1, card);

	cr_assert_eq(v.verdict, GW_VERDICT_ALLOW, "%s",
		     gw_err_name(v.reason));
	return v;
}

static bool
is_same(const struct gw_verdict_msg *x, const struct gw_verdict_msg *y)
{
	return memcmp(x->session, y->session, GW_SESSION_ID) == 0;
}

/* Until its path has been judged by the new rules nobody joins it; then it is
 * joined again. */
static void
await_judged_anew(const struct gw_verdict_msg *first)
{
	uint64_t until = gw_mono_ms() + WAIT_MS, n = 100;
	struct gw_verdict_msg v;

	for (;;) {
		v = knock(n++, "good");
		cr_assert_eq(v.verdict, GW_VERDICT_ALLOW);
		if (is_same(&v, first) || gw_mono_ms() > until)
			break;
		kill_session(&a, v.session); /* it would be joined instead */
		cr_expect_eq(revoked(&a, 0, v.session), GW_ERR_SESSION_ENDED);
	}
	cr_assert(is_same(&v, first), "it is never joined again");
}

/* ---- what ends sessions */

static const struct {
	const char *key, *text;
	enum gw_err want;
} demands[] = {
	{ "require_eku", "1.3.6.1.5.5.7.3.3", GW_ERR_CERT_EKU },
	{ "require_policy", "1.2.3.4", GW_ERR_CERT_POLICY },
};

Test(rules, demands_end_sessions_that_do_not_meet_them)
{
	for (size_t i = 0; i < GW_COUNT(demands); i++) {
		struct gw_verdict_msg v = enter("good");

		update_ca(&a, id, demands[i].key, demands[i].text);
		cr_expect_eq(revoked(&a, 0, v.session), demands[i].want,
			     "%s", demands[i].key);
		cr_expect_eq(knock(2, "good").reason, demands[i].want);
		update_ca(&a, id, demands[i].key, "");
	}
}

Test(rules, a_relaxation_taken_back_ends_sessions)
{
	struct gw_verdict_msg v;

	cr_expect_eq(knock(1, "no-akid").reason, GW_ERR_CERT_CONSTRAINT);
	update_ca(&a, id, "relax", "lenient");
	v = enter("no-akid");
	update_ca(&a, id, "relax", "");
	cr_expect_eq(revoked(&a, 0, v.session), GW_ERR_CERT_CONSTRAINT);
}

Test(rules, ntauth_ends_sessions)
{
	struct gw_ntauth_msg m = { .count = 1 };
	struct gw_verdict_msg v = enter("good");

	gw_cert_sha256(vec("issuing"), m.sha256[0]);
	gw_ntauth_encode(writer(), &m);
	send_msg(a.kdc, GW_MSG_NTAUTH, 0);
	update_ca(&a, id, "ntauth", "yes");
	await_judged_anew(&v);
	m.count = 0;
	gw_ntauth_encode(writer(), &m);
	send_msg(a.kdc, GW_MSG_NTAUTH, 0);
	cr_expect_eq(revoked(&a, 0, v.session), GW_ERR_CERT_NTAUTH);
}

/* It does not know who is in it: that is silence, not a refusal. */
Test(rules, ntauth_unknown_ends_nothing)
{
	struct got g;

	(void)enter("good");
	update_ca(&a, id, "ntauth", "yes");
	cr_expect_not(await_msg(a.proxy[0], 2500, &g));
	cr_expect_eq(knock(2, "good").reason, GW_ERR_KDC_UNAVAILABLE);
}

/* ---- what does not */

Test(rules, a_change_that_it_meets_keeps_the_session)
{
	struct gw_verdict_msg first = enter("good");

	update_ca(&a, id, "max_depth", "3");
	await_judged_anew(&first);
}

Test(rules, joined_only_by_the_rules_of_now)
{
	struct gw_verdict_msg first = enter("good"), second;

	update_ca(&a, id, "max_depth", "3");
	second = knock(2, "good");
	cr_expect_eq(second.verdict, GW_VERDICT_ALLOW);
	cr_expect_not(is_same(&first, &second));
}

/* Nobody answers at the new place: those that are in stay, others wait. */
Test(rules, silence_of_a_new_responder_ends_nothing)
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };
	struct got g;

	(void)enter("good");
	memcpy(m.id, id, sizeof(m.id));
	cr_assert(gw_settings_add(&m.settings, "ocsp_url",
				  "http://127.0.0.1:1/") &&
		  gw_settings_add(&m.settings, "ocsp_mode", "override"));
	cr_assert_eq(change(&a, &m).error, GW_ADMIN_OK);
	cr_expect_not(await_msg(a.proxy[0], 2500, &g));
	cr_expect_eq(knock(2, "good").reason, GW_ERR_REVOCATION_UNAVAILABLE);
}

/* A second CA: sessions under the first go on by it. */
Test(rules, another_ca_ends_nothing)
{
	char other[GW_CA_ID_SIZE];
	struct got g;

	(void)enter("good");
	register_ca(&a, "policy-ca", other);
	cr_expect_not(await_msg(a.proxy[0], 2500, &g));
	cr_expect_eq(knock(2, "good").verdict, GW_VERDICT_ALLOW);
}

/* A login under way is judged by the rules of now, and so is its session: who
 * comes next joins it. */
Test(rules, another_ca_while_a_login_is_under_way)
{
	struct gw_verdict_msg first, second;
	struct gw_facts f = some_facts();
	char other[GW_CA_ID_SIZE];
	struct gw_logon m;
	uint64_t asked;

	admit(&a, 0, 1, "good", "web");
	asked = logon(&a, &m);
	gw_claims_clear(&m.claims);
	register_ca(&a, "policy-ca", other);
	send_facts(&a, asked, &f);
	first = verdict(&a, 0, 1);
	cr_assert_eq(first.verdict, GW_VERDICT_ALLOW, "%s",
		     gw_err_name(first.reason));
	admit(&a, 0, 2, "good", "web");
	cr_assert(is_quiet(a.kdc), "gwd-kdc was asked again");
	second = verdict(&a, 0, 2);
	cr_expect(is_same(&first, &second));
}

/* ---- what was verified before */

static void
wait_for(const char *words)
{
	uint64_t until = gw_mono_ms() + WAIT_MS;

	while (strstr(ask_status(&a), words) == NULL && gw_mono_ms() < until)
		;
	cr_expect_not_null(strstr(ask_status(&a), words), "no %s", words);
}

Test(rules, known_paths_are_forgotten_with_the_rules)
{
	(void)enter("good");
	(void)enter("second");
	cr_expect_eq(knock(2, "expired").reason, GW_ERR_CERT_EXPIRED);
	wait_for("\"paths_known\":2");
	update_ca(&a, id, "require_policy", "1.2.3.4");
	wait_for("\"paths_known\":0");
	cr_expect_eq(knock(3, "good").reason, GW_ERR_CERT_POLICY);
	wait_for("\"paths_known\":0");
}

/* Revocation is asked about, whatever is known about the path. */
Test(rules, a_known_path_does_not_skip_revocation)
{
	for (uint64_t n = 1; n < 4; n++)
		cr_expect_eq(knock(n, "revoked").reason, GW_ERR_CERT_REVOKED);
	wait_for("\"paths_known\":1");
}
