/* e2e_ntauth.c — a CA that must be in NTAuthCertificates, and is or is not.
 * Gateways of the test's own; what is in the directory is the lab's. */
#include "gate.h"
#include "http.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>

static void
heal(void)
{
	lab_do("ntauth", "on");
}

TestSuite(ntauth, .timeout = 300, .fini = heal);

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	(void)stats;
	heal();
}

/* Of one DC, so that nothing waits for replication. */
static struct gate
start_with_ntauth(void)
{
	char *dir = scratch_dir();
	const char *conf = conf_text(dir, lab("ECHO_URL") + 7);

	conf = text_with(conf,
			 text(", \"%s@%s\"", lab("DC2_NAME"), lab("DC2_ADDR")),
			 "");
	conf = text_with(conf, "ca \"issuing\" {",
			 "ca \"issuing\" { ntauth = yes");
	return gate_start(dir, conf);
}

/* Until gwd-auth knows the set, nobody is admitted: that is waited for. */
static bool
has_decided(void *arg)
{
	struct gate *g = arg;

	return !contains(FETCH(.base = g->url, .card = "alice",
			       .accept = "application/json")
				 .body,
			 "kdc-unavailable");
}

static struct answer
alice_at(struct gate *g)
{
	cr_assert(await(60000, has_decided, g), "never known: %s",
		  slurp(g->log));
	return FETCH(.base = g->url, .card = "alice",
		     .accept = "application/json");
}

Test(ntauth, a_ca_that_is_not_in_it)
{
	struct gate g = start_with_ntauth();
	struct answer a = alice_at(&g);

	cr_expect_eq(a.status, 200, "got %ld: %s", a.status, a.body);
	gate_stop(&g);
	lab_do("ntauth", "off");
	g = start_with_ntauth();
	a = alice_at(&g);
	cr_expect_eq(a.status, 403, "got %ld: %s", a.status, a.body);
	cr_expect(contains(a.body, "cert-ntauth"), "%s", a.body);
	gate_stop(&g);
}
