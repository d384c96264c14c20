/* e2e_start.c — a wrong configuration stops gwd before anything runs: one
 * line that names file and line, exit status 2, checked and started alike. */
#include "gate.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(start, .timeout = 300);

/* A good configuration in which `find` becomes `put`. @ in `put` stands for
 * the test's directory. */
static const struct broken {
	const char *what, *find, *put;
	const char *at;    /* the line that is complained about holds this;
			      NULL: the last one */
	const char *words; /* of the complaint */
} cases[] = {
	{ "unknown key", "workers = 1", "wrokers = 1", "wrokers", "wrokers" },
	{ "key of another section", "workers = 1", "keytab = \"x\"",
	  "keytab = \"x\"", "keytab" },
	{ "unknown section", "ca \"issuing\"", "cas \"issuing\"",
	  "cas", "cas" },
	{ "key given twice", "workers = 1", "workers = 1\nworkers = 2",
	  "workers = 2", "twice" },
	{ "section given twice", "directory {",
	  "policy { privileged = \"deny\" }\n"
	  "policy { privileged = \"allow\" }\ndirectory {",
	  "\"allow\"", "twice" },
	{ "value out of range", "workers = 1", "workers = 9999",
	  "workers = 9999", "workers" },
	{ "not a number", "workers = 1", "workers = \"many\"", "many",
	  "workers" },
	{ "duration without unit", "directory {",
	  "directory {\n\tkdc_timeout = \"15\"", "kdc_timeout", "kdc_timeout" },
	{ "duration of nonsense", "directory {",
	  "directory {\n\tldap_timeout = \"soon\"", "soon", "ldap_timeout" },
	{ "not one of the choices", "\tupstream = \"behind\"",
	  "\tupstream = \"behind\"\n\tdenied = \"politely\"", "politely",
	  "denied" },
	{ "missing file", "ca \"issuing\" { file = ",
	  "ca \"issuing\" { file = \"@/nothing.pem\" }\n"
	  "ca \"second\" { file = ", "nothing.pem", "No such file" },
	{ "no keytab", "\tkeytab = ", "\tkeytab = \"@/no.keytab\"\n#",
	  "no.keytab", "No such file" },
	{ "not a keytab", "\tkeytab = ", "\tkeytab = \"@/text\"\n#",
	  "@/text", "keytab" },
	{ "keytab open to everybody", "\tkeytab = ",
	  "\tkeytab = \"@/open.keytab\"\n#", "open.keytab",
	  "every user" },
	{ "keytab is a directory", "\tkeytab = ", "\tkeytab = \"@\"\n#",
	  "keytab = ", "regular file" },
	{ "no CA", "ca \"issuing\" {", "#", NULL, "CA" },
	{ "CA file without certificate", "ca \"issuing\" { file = ",
	  "ca \"issuing\" { file = \"@/text\" }\n#", "@/text",
	  "certificate" },
	{ "no realm", "\trealm = ", "#", "directory {", "realm" },
	{ "unknown upstream", "\tupstream = \"behind\"",
	  "\tupstream = \"beyond\"", "beyond", "beyond" },
	{ "listener without an upstream", "\tupstream = \"behind\"", "",
	  "listener \"door\"", "nowhere" },
	{ "server that is a name", "servers = { \"127", "servers = { \"x127",
	  "x127", "ADDRESS:PORT" },
	{ "address of another machine", "\taddress = \"",
	  "\taddress = \"192.0.2.1:0\"\n#", "192.0.2.1", "assign" },
	{ "key of another certificate", "\tkey = ",
	  "\tkey = \"@/other.key\"\n#", "other.key", "not the key" },
	{ "no key", "\tkey = ", "\tkey = \"@/no.key\"\n#", "no.key",
	  "No such file" },
	{ "root as a user", "proxy_user = ", "proxy_user = \"0:0\"\n#",
	  "\"0:0\"", "root" },
	{ "unknown user", "kdc_user = ", "kdc_user = \"nosuchuser-e2e\"\n#",
	  "nosuchuser-e2e", "no user" },
	{ "string without an end", "\trealm = ", "\trealm = \"CORP\n#",
	  NULL, "" },
	{ "brace without an end", "\tupstream = \"behind\"\n}\n",
	  "\tupstream = \"behind\"\n", NULL, "" },
};

static char *
replaced(const char *s, const char *find, const char *put)
{
	const char *at = strstr(s, find);

	if (at == NULL)
		cr_assert_fail("the configuration has no '%s'", find);
	return text("%.*s%s%s", (int)(at - s), s, put, at + strlen(find));
}

static char *
with_dir(const char *s, const char *dir)
{
	const char *at = strchr(s, '@');

	return at == NULL ? text("%s", s)
			  : text("%.*s%s%s", (int)(at - s), s, dir, at + 1);
}

/* 0 when it holds nowhere. */
static int
line_with(const char *conf, const char *word)
{
	const char *at = strstr(conf, word);
	int n = 1;

	for (const char *p = conf; at != NULL && p < at; p++)
		n += *p == '\n';
	return at != NULL ? n : 0;
}

static int
line_count(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static struct output
gwd(const char *conf_file, bool is_check)
{
	const char *const check[] = { lab("GWD"), "-t", "-c", conf_file,
				      NULL };
	const char *const go[] = { lab("GWD"), "-c", conf_file, NULL };

	return run(is_check ? check : go, 10000);
}

/* "gwd: FILE:LINE: "; any line when `line` is 0. */
static bool
names_place(const char *words, const char *file, int line)
{
	const char *start = text("gwd: %s:", file);
	char *end = NULL;
	long n;

	if (strncmp(words, start, strlen(start)) != 0)
		return false;
	n = strtol(words + strlen(start), &end, 10);
	return n > 0 && (line == 0 || n == line) && strncmp(end, ": ", 2) == 0;
}

static void
judge(const struct broken *b, const struct output *o, const char *file,
      int line, bool is_check)
{
	const char *how = is_check ? "gwd -t" : "gwd";

	cr_expect_eq(o->status, 2, "%s, %s: got exit status %d\n%s", b->what,
		     how, o->status, o->err);
	cr_expect_eq(line_count(o->err), 1, "%s, %s: not one line:\n%s",
		     b->what, how, o->err);
	cr_expect(names_place(o->err, file, line), "%s, %s: got '%s', wanted "
		  "line %d", b->what, how, o->err, line);
	cr_expect(contains(o->err, b->words), "%s, %s: got '%s', wanted '%s' "
		  "in it", b->what, how, o->err, b->words);
	cr_expect_str_eq(o->out, "", "%s, %s: %s", b->what, how, o->out);
}

static void
check(const struct broken *b, const char *dir)
{
	char *conf = replaced(conf_text(dir, "127.0.0.1:1"), b->find,
			      with_dir(b->put, dir));
	char *file = text("%s/broken.conf", dir);
	int line = b->at != NULL ? line_with(conf, with_dir(b->at, dir)) : 0;
	struct output o;

	spill(file, conf);
	o = gwd(file, true);
	judge(b, &o, file, line, true);
	o = gwd(file, false);
	judge(b, &o, file, line, false);
	cr_expect_neq(access(text("%s/gwd.sock", dir), F_OK), 0,
		      "%s: the socket is left", b->what);
}

/* Files the cases name. */
static char *
prepared_dir(void)
{
	char *dir = scratch_dir();
	char *opened = text("%s/open.keytab", dir);
	struct output o = RUN(60000, "cp", lab_key("alice"),
			      text("%s/other.key", dir));

	cr_assert_eq(o.status, 0, "%s", o.err);
	o = RUN(60000, "cp", lab("KEYTAB"), opened);
	cr_assert_eq(o.status, 0, "%s", o.err);
	spill(text("%s/text", dir), "this is neither keytab nor certificate\n");
	gw_assert(chmod(opened, 0644) == 0 &&
		  chmod(text("%s/text", dir), 0600) == 0 &&
		  chmod(text("%s/other.key", dir), 0600) == 0);
	return dir;
}

Test(start, wrong_configurations)
{
	char *dir = prepared_dir();

	for (size_t i = 0; i < GW_COUNT(cases); i++)
		check(&cases[i], dir);
}

/* The ground the cases stand on: unbroken, it is good. */
Test(start, good_configuration)
{
	char *dir = scratch_dir(), *file = text("%s/good.conf", dir);
	struct output o;

	spill(file, conf_text(dir, "127.0.0.1:1"));
	o = gwd(file, true);
	cr_expect_eq(o.status, 0, "got %d: %s", o.status, o.err);
	cr_expect_eq(line_count(o.out), 1, "%s", o.out);
	cr_expect_neq(access(text("%s/state", dir), F_OK), 0,
		      "a check leaves something behind");
}

Test(start, configuration_is_not_there)
{
	struct output o = gwd("/nonexistent/gwd.conf", true);

	cr_expect_eq(o.status, 2, "got %d", o.status);
	cr_expect_eq(line_count(o.err), 1, "%s", o.err);
	cr_expect(contains(o.err, "/nonexistent/gwd.conf"), "%s", o.err);
}

/* Whoever may not read the keytab cannot start, and is told so: it belongs to
 * somebody else, and this root has lost the right to read everything. */
Test(start, keytab_is_not_readable)
{
	char *dir = scratch_dir(), *file = text("%s/gwd.conf", dir);
	char *keytab = text("%s/foreign.keytab", dir);
	struct output o;

	spill(file, replaced(conf_text(dir, "127.0.0.1:1"), "\tkeytab = ",
			     text("\tkeytab = \"%s\"\n#", keytab)));
	spill(keytab, "");
	gw_assert(chmod(keytab, 0600) == 0 && chown(keytab, 64901, 64901) == 0);
	o = RUN(60000, "setpriv", "--bounding-set",
		"-dac_override,-dac_read_search", lab("GWD"), "-t", "-c",
		file);
	cr_expect_eq(o.status, 2, "got %d", o.status);
	cr_expect_eq(line_count(o.err), 1, "%s", o.err);
	cr_expect(names_place(o.err, file, line_with(slurp(file),
						     "foreign.keytab")) &&
		  contains(o.err, "keytab: ") && contains(o.err, "ermission"),
		  "%s", o.err);
}

/* A second gateway on the same socket must not take it away. */
Test(start, second_gateway_is_refused)
{
	struct output o = gwd(lab("GWD_CONF"), false);

	cr_expect_eq(o.status, 2, "got %d", o.status);
	cr_expect_eq(line_count(o.err), 1, "%s", o.err);
	cr_expect(gate_is_up(NULL), "the first one is disturbed");
}
