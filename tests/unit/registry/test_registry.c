/* test_registry.c — what is refused, what is kept, and that a process killed
 * at any point leaves a registry that is whole. */
#include "opened.h"
#include "gw/util.h"
#include "pki.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct gw_refusal why;

TestSuite(registry, .init = registry_begin,
	  .fini = registry_finish, .timeout = 300);

/* ---- shorthand */

static enum gw_admin_err
start_with(const char *pem, uint32_t flags, const char *url, char id[13])
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_REGISTER, .flags = flags,
			      .pem = (const uint8_t *)pem,
			      .pem_len = strlen(pem) };
	const struct gw_ca *ca = NULL;
	enum gw_admin_err rc;

	cr_assert(gw_settings_add(&m.settings, "ocsp_url", url));
	rc = gw_registry_register(reg, &m, time(NULL), &ca, &why);
	if (rc == GW_ADMIN_OK && id != NULL)
		memcpy(id, ca->id, GW_CA_ID_SIZE);
	return rc;
}

static void
settle(const char *id, enum gw_ca_state state, const char *reason)
{
	cr_assert_eq(gw_registry_settle(reg, id, state, reason, time(NULL),
					&why), GW_ADMIN_OK, "%s", why.detail);
}

/* Registered, its id in `id`. */
static void
add(const char *name, char id[GW_CA_ID_SIZE])
{
	char *pem = make_cert((struct made){ .name = name });

	cr_assert_eq(start_with(pem, 0, "", id), GW_ADMIN_OK, "%s",
		     why.detail);
	settle(id, GW_CA_REGISTERED, "");
	free(pem);
}

static enum gw_ca_state
state_of(const char *id)
{
	const struct gw_ca *ca = gw_registry_find(reg, id);

	cr_assert_not_null(ca, "%s", id);
	return ca->state;
}

/* ---- what is refused */

static const struct refusal_case {
	const char *what;
	struct made cert;
	uint32_t flags;
	enum gw_admin_err expected;
	const char *words;
} refusals[] = {
	{ "a good one", { .name = "a" }, 0, GW_ADMIN_OK, "" },
	{ "RSA", { .name = "a", .bits = 2048 }, 0, GW_ADMIN_OK, "" },
	{ "RSASSA-PSS", { .name = "a", .bits = 2048, .is_pss = true }, 0,
	  GW_ADMIN_OK, "" },
	{ "RSASSA-PSS key", { .name = "a", .bits = 2048, .is_pss = true,
			      .has_pss_key = true }, 0, GW_ADMIN_OK, "" },
	{ "weak RSASSA-PSS key",
	  { .name = "a", .bits = 1024, .is_pss = true, .has_pss_key = true },
	  0, GW_ADMIN_INVALID_CERTIFICATE, "too weak" },
	{ "no CA", { .name = "a", .is_leaf = true }, 0,
	  GW_ADMIN_INVALID_CERTIFICATE, "not a CA's" },
	{ "no basicConstraints", { .name = "a", .has_no_ext = true }, 0,
	  GW_ADMIN_INVALID_CERTIFICATE, "not a CA's" },
	{ "weak", { .name = "a", .bits = 1024 }, 0,
	  GW_ADMIN_INVALID_CERTIFICATE, "too weak" },
	{ "89 days", { .name = "a", .days = 89 }, 0,
	  GW_ADMIN_INVALID_CERTIFICATE, "89 days" },
	{ "90 days", { .name = "a", .days = 90 }, 0, GW_ADMIN_OK, "" },
	{ "short but meant so", { .name = "a", .days = 5 },
	  GW_ADMIN_ALLOW_SHORT, GW_ADMIN_OK, "" },
	{ "over, whatever is meant", { .name = "a", .days = -3 },
	  GW_ADMIN_ALLOW_SHORT, GW_ADMIN_INVALID_CERTIFICATE, "it ended" },
};

Test(registry, refusals)
{
	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		const struct refusal_case *k = &refusals[i];
		char *pem = make_cert(k->cert);

		why.detail[0] = '\0';
		cr_expect_eq(start_with(pem, k->flags, "", NULL), k->expected,
			     "%s: %s", k->what, why.detail);
		cr_expect_not_null(strstr(why.detail, k->words), "%s: %s",
				   k->what, why.detail);
		free(pem);
	}
}

Test(registry, malformed)
{
	static const char *const texts[] = {
		"x", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n"
		"-----END CERTIFICATE-----\n",
		"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
	};
	char *one = make_cert((struct made){ .name = "a" });
	char *two = gw_xasprintf("%s%s", one, one);

	for (size_t i = 0; i < GW_COUNT(texts); i++)
		cr_expect_eq(start_with(texts[i], 0, "", NULL),
			     GW_ADMIN_INVALID_CERTIFICATE, "%s", texts[i]);
	cr_expect_eq(start_with(two, 0, "", NULL),
		     GW_ADMIN_INVALID_CERTIFICATE, "two at once");
	cr_expect_eq(gw_registry_count(reg), 0);
	free(one);
	free(two);
}

Test(registry, already_there)
{
	char *pem = make_cert((struct made){ .name = "a" });
	char id[GW_CA_ID_SIZE];

	cr_assert_eq(start_with(pem, 0, "", id), GW_ADMIN_OK);
	cr_expect(gw_ca_id_is_valid(id), "%s", id);
	settle(id, GW_CA_REGISTERED, "");
	cr_expect_eq(start_with(pem, 0, "", NULL),
		     GW_ADMIN_CERTIFICATE_ALREADY_EXISTS);
	cr_expect_not_null(strstr(why.detail, id), "%s", why.detail);
	free(pem);
}

Test(registry, limit)
{
	char id[GW_CA_ID_SIZE];
	char *pem;

	for (int i = 0; i < GW_REGISTRY_MAX; i++)
		add("many", id);
	pem = make_cert((struct made){ .name = "one more" });
	cr_expect_eq(start_with(pem, 0, "", NULL),
		     GW_ADMIN_CERTIFICATE_LIMIT_EXCEEDED);
	cr_assert_eq(gw_registry_deregister(reg, id, time(NULL), &why),
		     GW_ADMIN_OK);
	settle(id, GW_CA_DEREGISTERED, "");
	cr_expect_eq(start_with(pem, 0, "", NULL), GW_ADMIN_OK);
	free(pem);
}

/* ---- states */

Test(registry, last_one)
{
	char a[GW_CA_ID_SIZE], b[GW_CA_ID_SIZE];
	time_t now = time(NULL);

	add("a", a);
	add("b", b);
	cr_assert_eq(gw_registry_deregister(reg, a, now, &why), GW_ADMIN_OK);
	cr_expect_not(gw_ca_is_trusted(gw_registry_find(reg, a)));
	settle(a, GW_CA_DEREGISTERED, "");
	cr_expect_eq(gw_registry_deregister(reg, a, now, &why),
		     GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST);
	cr_expect_eq(gw_registry_deregister(reg, b, now, &why),
		     GW_ADMIN_CERTIFICATE_IN_USE);
	cr_expect_eq(state_of(b), GW_CA_REGISTERED);
	cr_assert_eq(gw_registry_set_client_auth(reg, false, now, &why),
		     GW_ADMIN_OK);
	cr_expect_eq(gw_registry_deregister(reg, b, now, &why), GW_ADMIN_OK);
	settle(b, GW_CA_DEREGISTERED, "");
	cr_expect_eq(gw_registry_set_client_auth(reg, true, now, &why),
		     GW_ADMIN_NO_AVAILABLE_CERTIFICATE);
	cr_expect_eq(gw_registry_deregister(reg, "c-0123456789", now, &why),
		     GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST);
}

Test(registry, enabled_twice)
{
	char id[GW_CA_ID_SIZE];

	add("a", id);
	cr_expect(gw_registry_client_auth(reg), "a new one is enabled");
	cr_expect_eq(gw_registry_set_client_auth(reg, true, 5, &why),
		     GW_ADMIN_INVALID_CLIENT_AUTH_STATUS);
	cr_expect_eq(gw_registry_set_client_auth(reg, false, 5, &why),
		     GW_ADMIN_OK);
	cr_expect_eq(gw_registry_set_client_auth(reg, false, 6, &why),
		     GW_ADMIN_INVALID_CLIENT_AUTH_STATUS);
	reopen();
	cr_expect_not(gw_registry_client_auth(reg));
	cr_expect_eq(gw_registry_client_auth_since(reg), 5);
	cr_expect_eq(gw_registry_set_client_auth(reg, true, 7, &why),
		     GW_ADMIN_OK);
}

/* What was under way when the process died. */
Test(registry, half_done)
{
	char a[GW_CA_ID_SIZE], b[GW_CA_ID_SIZE], c[GW_CA_ID_SIZE];
	char *pem = make_cert((struct made){ .name = "c" });

	add("a", a);
	add("b", b);
	cr_assert_eq(start_with(pem, 0, "", c), GW_ADMIN_OK);
	cr_expect_eq(state_of(c), GW_CA_REGISTERING);
	cr_expect_not(gw_ca_is_trusted(gw_registry_find(reg, c)));
	cr_assert_eq(gw_registry_deregister(reg, a, 1, &why), GW_ADMIN_OK);
	reopen();
	cr_expect_eq(state_of(a), GW_CA_DEREGISTERED);
	cr_expect_eq(state_of(b), GW_CA_REGISTERED);
	cr_expect_eq(state_of(c), GW_CA_REGISTER_FAILED);
	cr_expect_not_null(strstr(gw_registry_find(reg, c)->reason, "again"));
	cr_expect_eq(start_with(pem, 0, "", c), GW_ADMIN_OK, "again");
	free(pem);
}

/* Trusted still, with the reason, and the next try is allowed. */
Test(registry, deregister_failed)
{
	char a[GW_CA_ID_SIZE], b[GW_CA_ID_SIZE];

	add("a", a);
	add("b", b);
	cr_assert_eq(gw_registry_deregister(reg, a, 1, &why), GW_ADMIN_OK);
	settle(a, GW_CA_DEREGISTER_FAILED, "because");
	reopen();
	cr_expect_eq(state_of(a), GW_CA_DEREGISTER_FAILED);
	cr_expect_str_eq(gw_registry_find(reg, a)->reason, "because");
	cr_expect(gw_ca_is_trusted(gw_registry_find(reg, a)));
	cr_expect_eq(gw_registry_deregister(reg, a, 2, &why), GW_ADMIN_OK);
}

Test(registry, past_is_bounded)
{
	char keep[GW_CA_ID_SIZE], id[GW_CA_ID_SIZE];

	add("keep", keep);
	for (int i = 0; i < GW_REGISTRY_PAST + 10; i++) {
		add("gone", id);
		cr_assert_eq(gw_registry_deregister(reg, id, 1, &why),
			     GW_ADMIN_OK);
		settle(id, GW_CA_DEREGISTERED, "");
	}
	cr_expect_eq(gw_registry_count(reg), GW_REGISTRY_PAST + 1);
	reopen();
	cr_expect_eq(gw_registry_count(reg), GW_REGISTRY_PAST + 1);
	cr_expect_eq(state_of(keep), GW_CA_REGISTERED);
}

Test(registry, from_the_file)
{
	char title[] = "corp", file[] = "/etc/ca.pem", none[] = "";
	struct gw_conf_ca conf = { .title = title, .file = file,
				   .ocsp_url = none };
	char *pem = make_cert((struct made){ .name = "f" });
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	const struct gw_ca *ca;

	gw_registry_add_file(reg, x, &conf, 1);
	gw_registry_add_file(reg, x, &conf, 1);
	cr_assert_eq(gw_registry_count(reg), 1);
	ca = gw_registry_at(reg, 0);
	cr_expect(ca->is_from_file && gw_ca_is_trusted(ca));
	cr_expect_eq(gw_registry_deregister(reg, ca->id, 1, &why),
		     GW_ADMIN_CERTIFICATE_IN_CONFIGURATION);
	cr_expect_not_null(strstr(why.detail, file), "%s", why.detail);
	cr_expect_eq(start_with(pem, 0, "", NULL),
		     GW_ADMIN_CERTIFICATE_ALREADY_EXISTS);
	reopen();
	cr_expect_eq(gw_registry_count(reg), 0, "the file's are not kept");
	X509_free(x);
	BIO_free(b);
	free(pem);
}

/* ---- the disk */

Test(registry, one_gateway_at_a_time)
{
	struct gw_registry *other = NULL;
	struct gw_error err = { .code = GW_ERR_OK };

	cr_expect_eq(gw_registry_open(path, CRL_DIR, 1, &other, &err),
		     GW_ERR_FILE);
	cr_expect_not_null(strstr(err.detail, "another gwd"), "%s",
			   err.detail);
}

Test(registry, damaged)
{
	struct gw_registry *other = NULL;
	struct gw_error err = { .code = GW_ERR_OK };
	FILE *f;

	gw_registry_free(reg);
	reg = NULL;
	f = fopen(path, "we");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database", f);
	fclose(f);
	cr_expect_eq(gw_registry_open(path, CRL_DIR, 1, &other, &err),
		     GW_ERR_FILE);
	cr_expect_not_null(strstr(err.detail, path), "%s", err.detail);
}

#define URL "http://ocsp/"

/* A child registers and deregisters as fast as it can and says, after each
 * change, what it has been promised; killed anywhere, that holds. */
static GW_NORETURN void
work(int out, char *const pems[], size_t n)
{
	struct gw_error err;
	char id[GW_CA_ID_SIZE], said[GW_CA_ID_SIZE + 1];

	reg = NULL;
	if (gw_registry_open(path, CRL_DIR, time(NULL), &reg, &err) !=
	    GW_ERR_OK)
		_exit(3);
	for (size_t i = 0;; i++) {
		const char *pem = pems[i % n];
		bool is_on = start_with(pem, 0, URL, id) == GW_ADMIN_OK;

		if (!is_on) { /* there: its id is in the refusal */
			memcpy(id, strstr(why.detail, "c-"), GW_CA_ID_SIZE);
			id[GW_CA_ID_SIZE - 1] = '\0';
			if (gw_registry_deregister(reg, id, 1, &why) !=
			    GW_ADMIN_OK)
				continue;
		}
		settle(id, is_on ? GW_CA_REGISTERED : GW_CA_DEREGISTERED, "");
		said[0] = is_on ? '+' : '-';
		memcpy(said + 1, id, GW_CA_ID_SIZE);
		if (write(out, said, sizeof(said)) != (ssize_t)sizeof(said))
			_exit(4);
	}
}

/* What was said last must be so, unless the change after it had begun. */
static void
check_promise(const char said[GW_CA_ID_SIZE + 1])
{
	enum gw_ca_state now = state_of(said + 1);

	if (said[0] == '+')
		cr_expect(now == GW_CA_REGISTERED &&
			  strcmp(gw_registry_find(reg, said + 1)
					 ->conf->ocsp_url, URL) == 0,
			  "%s is %s", said + 1, gw_ca_state_name(now));
	else
		cr_expect_eq(now, GW_CA_DEREGISTERED, "%s is %s", said + 1,
			     gw_ca_state_name(now));
}

Test(registry, survives_kill)
{
	char *pems[7], said[GW_CA_ID_SIZE + 1];
	size_t rounds = 0, promises = 0;

	for (size_t i = 0; i < GW_COUNT(pems); i++)
		pems[i] = make_cert((struct made){ .name = "k" });
	gw_registry_free(reg);
	reg = NULL;
	/* a loaded machine gets less done before each kill: every other one
	 * waits for a first promise */
	for (; rounds < 60 || (promises < 100 && rounds < 500); rounds++) {
		int fd[2], status;
		bool has_said = false;
		pid_t pid;

		cr_assert_eq(pipe(fd), 0);
		pid = fork();
		if (pid == 0)
			work(fd[1], pems, GW_COUNT(pems));
		close(fd[1]);
		if (rounds % 2 != 0)
			(void)poll(&(struct pollfd){ fd[0], POLLIN, 0 }, 1,
				   60000);
		usleep(15000 + (useconds_t)(rounds * 1371 % 20000));
		kill(pid, SIGKILL);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status), "it ended by itself: %d",
			  WEXITSTATUS(status));
		while (read(fd[0], said, sizeof(said)) ==
		       (ssize_t)sizeof(said)) {
			has_said = true;
			promises++;
		}
		close(fd[0]);
		reopen();
		if (has_said)
			check_promise(said);
		gw_registry_free(reg);
		reg = NULL;
	}
	cr_expect_gt(promises, 20, "%zu promises only", promises);
	for (size_t i = 0; i < GW_COUNT(pems); i++)
		free(pems[i]);
}
