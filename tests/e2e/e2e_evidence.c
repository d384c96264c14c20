/* e2e_evidence.c — what the domain controllers themselves wrote down: who was
 * impersonated, by whom, towards what, and who then was bound. */
#include "gate.h"
#include "http.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(evidence, .timeout = 30);

/* Both DCs' logs: the gateway chooses one for the whole login. */
struct logs {
	const char *path[2];
	size_t mark[2];
	const char *words[4];
	char *found;
	int where; /* the DC it was found at */
};

static struct logs
mark_logs(void)
{
	struct logs l = { .path = { lab("DC1_LOG"), lab("DC2_LOG") } };
	struct stat st;

	for (int i = 0; i < 2; i++)
		l.mark[i] = stat(l.path[i], &st) == 0 ? (size_t)st.st_size
						      : 0;
	return l;
}

static bool
is_written(void *arg)
{
	struct logs *l = arg;

	for (int i = 0; i < 2 && l->found == NULL; i++) {
		l->found = find_line(l->path[i], l->mark[i], l->words);
		l->where = i + 1;
	}
	return l->found != NULL;
}

/* At which DC there is a line with these; 0: at none. */
static int
where(struct logs l, const char *a, const char *b, const char *c)
{
	l.words[0] = a;
	l.words[1] = b;
	l.words[2] = c;
	return await(60000, is_written, &l) ? l.where : 0;
}

/* A gateway that judges every connection anew. */
static struct gate
start_strict(void)
{
	char *dir = scratch_dir();

	return gate_start(dir, text("%ssession { reuse = \"0s\" }\n",
				    conf_text(dir, lab("ECHO_URL") + 7)));
}

Test(evidence, alice_is_impersonated_and_bound)
{
	struct gate g = start_strict();
	struct logs l = mark_logs();
	struct answer a = FETCH(.base = g.url, .card = "alice");
	int self, proxy, bind;

	gate_stop(&g);
	cr_assert_eq(a.status, 200, "got %ld: %s", a.status, a.body);
	self = where(l, "s4u2self", lab("SERVICE_PRINCIPAL"),
		     "impersonating alice@");
	proxy = where(l, "constrained delegation for alice@",
		      lab("SERVICE_PRINCIPAL"), "to ldap/dc");
	bind = where(l, "Successful AuthZ", "[LDAP", "\\[alice]");
	cr_expect_neq(self, 0, "no S4U2Self for alice");
	cr_expect_neq(proxy, 0, "no S4U2Proxy for alice to ldap/");
	cr_expect_neq(bind, 0, "no LDAP bind as alice");
	cr_expect(self == proxy && proxy == bind,
		  "not one DC: S4U2Self at dc%d, S4U2Proxy at dc%d, bind at "
		  "dc%d", self, proxy, bind);
}

/* A user who is refused is never bound. */
Test(evidence, bob_is_never_bound)
{
	struct gate g = start_strict();
	struct logs l = mark_logs();
	struct answer a = FETCH(.base = g.url, .card = "bob");

	gate_stop(&g);
	cr_assert_eq(a.status, 403, "got %ld: %s", a.status, a.body);
	l.words[0] = "Successful AuthZ";
	l.words[1] = "\\[bob]";
	cr_expect(!is_written(&l), "bound: %s", l.found);
}

/* A card that fails before the directory is asked is not even looked up. */
Test(evidence, revoked_card_asks_no_dc)
{
	struct gate g = start_strict();
	struct logs l = mark_logs();
	struct answer a = FETCH(.base = g.url, .card = "alice-revoked");

	gate_stop(&g);
	cr_assert_eq(a.status, 403, "got %ld: %s", a.status, a.body);
	l.words[0] = "impersonating alice@";
	cr_expect(!is_written(&l), "asked: %s", l.found);
}
