/* test_reload.c — a new configuration for the real gwd: refused whole, or taken
 * as far as it can be without a restart. */
#include "files.h"
#include "live.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(reload, .init = make, .timeout = 300);

static void
copy_file(const char *from, const char *to, unsigned mode)
{
	char path[256], text[8192];
	FILE *f;
	size_t n;

	gw_format(path, sizeof(path), "%s/%s", dir, from);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	files_write(to, text, n, mode);
}

static json_t *
reload(int expected)
{
	return ask("POST", "/v1/reload", expected);
}

static size_t
count(json_t *doc, const char *key)
{
	return json_array_size(json_object_get(doc, key));
}

static const char *
first(json_t *doc, const char *key)
{
	return json_string_value(json_array_get(json_object_get(doc, key), 0));
}

/* Whatever is wrong: nothing is sent, and the old stays. */
Test(reload, refused)
{
	pid_t pid = start_gwd();
	json_t *doc;

	wait_said(" ready ", 1);
	write_conf("wrokers = 2\n");
	doc = reload(409);
	cr_expect_not_null(strstr(json_string_value(
		json_object_get(doc, "detail")),
		"gwd.conf:35: unknown key 'wrokers'"));
	json_decref(doc);
	kill(pid, SIGHUP);
	wait_said("reload-refused", 2);
	wait_said(":35: unknown key 'wrokers'", 1);
	write_conf("");
	copy_file("other.pem", "key.pem", 0600);
	doc = reload(409);
	cr_expect_not_null(strstr(json_string_value(
		json_object_get(doc, "detail")),
		"key.pem: is not the key of the certificate"));
	json_decref(doc);
	cr_expect_eq(times_said("dummy-renewed"), 0);
	cr_expect_eq(times_said(" reloaded "), 0);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

/* A proxy that was killed gets the new ones, too. */
Test(reload, takes_certificates)
{
	pid_t pid = start_gwd();
	json_t *doc;

	wait_said(" ready ", 1);
	doc = reload(200);
	cr_expect_eq(count(doc, "renewed"), 0, "nothing has changed");
	cr_expect_eq(count(doc, "restart"), 0, "%s", first(doc, "restart"));
	json_decref(doc);
	cr_expect_eq(times_said("dummy-renewed"), 0);
	copy_file("expired.pem", "leaf.pem", 0644);
	copy_file("other.pem", "key.pem", 0600);
	doc = reload(200);
	cr_expect_eq(count(doc, "renewed"), 1);
	cr_expect_str_eq(first(doc, "renewed"), "main");
	cr_expect_eq(count(doc, "restart"), 0);
	cr_expect_not_null(strstr(first(doc, "warnings"), "has expired"));
	json_decref(doc);
	wait_said("dummy-renewed certificates=1 cas=no", 1);
	wait_said("certificates-renewed", 1);
	doc = ask("GET", "/v1/status", 200);
	cr_expect_str_eq(json_string_value(json_object_get(
		json_array_get(json_object_get(doc, "listeners"), 0),
		"certificate")), "CN=old.example.com");
	json_decref(doc);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

static const char *const need_restart[] = {
	"workers", "directory: realm", "policy: privileged",
	"upstream broker: servers", "listener main: require_group",
	"listener second is new", "route /echo of listener main is gone",
	"route /other of listener main is new",
	"the certificates in the files of sections ca",
	"the keytab's content",
};

/* The running text with words replaced. */
static void
write_changed(const char *extra)
{
	static const struct { const char *from, *to; } changes[] = {
		{ "workers = 2", "workers = 3" },
		{ "CORP.EXAMPLE.COM", "COLD.EXAMPLE.COM" },
		{ "127.0.0.1:8080", "127.0.0.1:8081" },
		{ "Smartcard Users", "Smartcard users" },
		{ "\"/echo\"", "\"/other\"" },
	};
	char path[256], text[8192];
	FILE *f;

	write_conf(extra);
	gw_format(path, sizeof(path), "%s/gwd.conf", dir);
	f = fopen(path, "re");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < GW_COUNT(changes); i++) {
		char *at = strstr(text, changes[i].from), *all;

		cr_assert_not_null(at, "%s", changes[i].from);
		*at = '\0';
		all = gw_xasprintf("%s%s%s", text, changes[i].to,
				   at + strlen(changes[i].from));
		gw_format(text, sizeof(text), "%s", all);
		free(all);
	}
	files_write("gwd.conf", text, strlen(text), 0644);
}

Test(reload, says_what_needs_a_restart)
{
	pid_t pid = start_gwd();
	char *out = NULL;

	wait_said(" ready ", 1);
	write_changed("listener \"second\" {\n	address = \"127.0.0.1:0\"\n"
		      "	certificate = \"leaf.pem\"\n	key = \"key.pem\"\n"
		      "	upstream = \"broker\"\n}\n"
		      "policy { privileged = \"allow\" }\n");
	files_write("svc.keytab", "\005\002 other", 8, 0600);
	copy_file("ca2.pem", "ca.pem", 0644);
	cr_expect_eq(gwctl("reload", &out), 1, "%s", out);
	cr_expect_not_null(strstr(out, "no certificate has changed"));
	cr_expect_not_null(strstr(out, "restart needed for:"));
	for (size_t i = 0; i < GW_COUNT(need_restart); i++)
		cr_expect_not_null(strstr(out, need_restart[i]), "%s in %s",
				   need_restart[i], out);
	cr_expect_eq(times_said("restart-needed"), GW_COUNT(need_restart),
		     "%s", out);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

Test(reload, failure_is_said)
{
	pid_t pid;

	setenv("GWD_TEST_PROXY", "stubborn", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	copy_file("same.pem", "leaf.pem", 0644);
	copy_file("other.pem", "key.pem", 0600);
	kill(pid, SIGHUP);
	wait_said("renew-failed", 1);
	wait_said("main: key: broken", 1);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}
