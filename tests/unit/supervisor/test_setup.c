/* test_setup.c — wrong configurations and the one line each must give. */
#include "files.h"
#include "setup.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* `find` in the good configuration becomes `put`. '@' in `put` is taken out
 * and marks the line the complaint must name; without one no line is. */
static const struct bad_case {
	const char *what, *find, *put, *complaint;
} cases[] = {
	/* keys */
	{ "unknown key", "workers = 2", "@worker = 2",
	  "unknown key 'worker' at the top level; do you mean workers?" },
	{ "unknown key in a section", "realm =", "@relm =",
	  "unknown key 'relm' in section directory; do you mean realm?" },
	{ "key of another section", "workers = 2", "@ocsp_url = \"x\"",
	  "it stands in section ca" },
	{ "unknown section", "mapping {", "@maping {",
	  "do you mean mapping?" },
	{ "route outside", "mapping { strong = \"prefer\" }",
	  "@route \"/a\" { upstream = \"broker\" }",
	  "unknown key 'route' at the top level; it stands inside a section "
	  "listener" },
	{ "include is not there", "workers = 2", "@include(\"x\")",
	  "unknown key 'include'" },
	{ "path into a section", "workers = 2", "@directory|realm = \"X\"",
	  "unknown key" },
	{ "key twice", "workers = 2", "workers = 2\n@workers = 3",
	  "workers is given twice; first in line 7" },
	{ "list twice", "kdc_timeout = 2s",
	  "@domain_controllers = { \"dc3\" }",
	  "domain_controllers is given twice; first in line 15" },
	{ "list twice, then empty", "require_group = { \"Smartcard Users\" }",
	  "@require_group = { \"A\" }\n require_group = {}",
	  "require_group is given twice" },
	{ "section twice", "mapping {", "mapping {}\n@mapping {",
	  "section mapping is given twice; the first begins in line 18" },
	{ "title twice", "upstream \"broker\" {",
	  "upstream \"broker\" { servers = { \"127.0.0.1:1\" } }\n"
	  "@upstream \"broker\" {",
	  "section upstream broker is given twice" },
	{ "route twice", "route \"/echo\" {",
	  "route \"/echo\" { upstream = \"broker\" }\n@route \"/echo\" {",
	  "section route /echo is given twice" },
	{ "hidden option", "workers = 2", "@\"(opened)\" = { \"x\" }",
	  "given twice" },
	/* grammar */
	{ "string without end", "\"CORP.EXAMPLE.COM\"", "@\"CORP",
	  "no closing \"" },
	{ "comment without end", " * of lines */", " * of lines",
	  "this comment has no end" },
	{ "brace without end", "mapping { strong = \"prefer\" }",
	  "@mapping { strong = \"prefer\"", "this { has no closing }" },
	{ "brace too many", "mapping { strong = \"prefer\" }",
	  "@mapping { strong = \"prefer\" }}", "this } closes nothing" },
	{ "stray star", "\"127.0.0.1:0\"", "@*:443",
	  "unexpected '*'; put the value in quotes" },
	{ "append", "workers = 2", "@workers += 2", "unexpected '+'" },
	{ "control character", "workers = 2", "@workers = 2\001",
	  "control character 0x01" },
	{ "no equal sign", "workers = 2", "@workers 2",
	  "missing equal sign" },
	{ "list for a string", "\"CORP.EXAMPLE.COM\"", "@{ \"A\" }",
	  "unexpected token" },
	/* values */
	{ "not a number", "workers = 2", "@workers = many",
	  "workers: 'many' is not a number" },
	{ "out of range", "workers = 2", "@workers = 257",
	  "workers: 257 is out of range" },
	{ "negative", "workers = 2", "@workers = -1", "out of range" },
	{ "duration without unit", "kdc_timeout = 2s", "@kdc_timeout = 2",
	  "kdc_timeout: '2' is not a duration" },
	{ "duration too long", "kdc_timeout = 2s", "@kdc_timeout = 1d",
	  "out of range" },
	{ "not a choice", "strong = \"prefer\"", "@strong = \"maybe\"",
	  "strong: 'maybe' is not one of required|prefer|off" },
	{ "log level", "workers = 2", "@log_level = \"loud\"",
	  "log_level: 'loud'" },
	{ "relative socket", "\"/tmp/gwd-test-never-made/gwd.sock\"",
	  "@\"gwd.sock\"", "must be an absolute path" },
	{ "relative state", "\"/tmp/gwd-test-never-made\"", "@\"state\"",
	  "state_dir: 'state' must be an absolute path" },
	/* required */
	{ "no realm", "realm = \"CORP.EXAMPLE.COM\"", "", "directory.realm is "
	  "missing: Kerberos realm" },
	{ "empty realm", "\"CORP.EXAMPLE.COM\"", "@\"\"",
	  "directory.realm is missing" },
	{ "no servers", "servers = { \"127.0.0.1:8080\" }", "",
	  "upstream.servers is missing" },
	{ "no certificate", "certificate = \"leaf.pem\"", "",
	  "listener.certificate is missing" },
	/* directory */
	{ "realm in small letters", "\"CORP.EXAMPLE.COM\"",
	  "@\"corp.example.com\"", "in capitals" },
	{ "account with realm", "\"svc-gwd\"", "@\"svc-gwd@CORP\"",
	  "sAMAccountName alone" },
	{ "DC address", "\"dc1@192.0.2.1\"", "@\"dc1@dc1\"",
	  "'dc1@dc1' is not NAME or NAME@ADDRESS" },
	{ "keytab missing", "\"svc.keytab\"", "@\"none.keytab\"",
	  "none.keytab: No such file or directory" },
	{ "keytab open to all", "\"svc.keytab\"", "@\"open.keytab\"",
	  "open to every user of this machine" },
	{ "not a keytab", "\"svc.keytab\"", "@\"bad.keytab\"",
	  "not a keytab" },
	{ "keytab is a directory", "\"svc.keytab\"", "@\"/tmp\"",
	  "not a regular file" },
	{ "keytab is a device", "\"svc.keytab\"", "@\"/dev/null\"",
	  "not a regular file" },
	/* CAs */
	{ "no CA", "ca \"corp\" {\n	file = \"ca.pem\"\n"
	  "	ocsp_url = \"http://ocsp.example.com/\"\n}\n", "",
	  "no CA: nobody could log in" },
	{ "CA file missing", "\"ca.pem\"", "@\"none.pem\"",
	  "none.pem: No such file" },
	{ "CA file without certificates", "\"ca.pem\"", "@\"empty.pem\"",
	  "holds no certificate in PEM form" },
	{ "CA file garbage", "\"ca.pem\"", "@\"garbage.pem\"",
	  "certificate 1 cannot be parsed" },
	{ "not a CA", "\"ca.pem\"", "@\"leaf.pem\"",
	  "certificate 1 (CN=gw.corp.example.com) is not a CA's" },
	{ "ocsp_url not http", "\"http://ocsp.example.com/\"",
	  "@\"ldap://x/\"", "is not an http:// URL" },
	{ "override without url",
	  "ocsp_url = \"http://ocsp.example.com/\"",
	  "@ocsp_mode = \"override\"", "there is no ocsp_url" },
	{ "crl_dir", "workers = 2", "@crl_dir = \"crl\"",
	  "crl_dir: 'crl' must be an absolute path" },
	{ "crl_dir with a slash", "workers = 2", "@crl_dir = \"/etc/\"",
	  "without a slash at its end" },
	{ "CRL file without crl_dir", "ocsp_url = \"http://ocsp.example.com/\"",
	  "@crl = { \"/etc/x.crl\" }", "which gwd.conf does not set" },
	{ "CRL by https", "ocsp_url = \"http://ocsp.example.com/\"",
	  "@crl = { \"https://x/\" }", "crl: 'https://x/' is neither" },
	{ "revocation by hope", "ocsp_url = \"http://ocsp.example.com/\"",
	  "@revocation = { \"hope\" }", "'hope' is not one of ocsp|crl" },
	{ "relaxed twice", "ocsp_url = \"http://ocsp.example.com/\"",
	  "@relax = { \"ca-eku\", \"ca-eku\" }",
	  "relax: ca-eku stands there twice" },
	{ "not an OID", "ocsp_url = \"http://ocsp.example.com/\"",
	  "@require_eku = { \"clientAuth\" }",
	  "require_eku: 'clientAuth' is not an OID" },
	{ "CA title", "ca \"corp\"", "@ca \"co\\\"rp\"", "the title of this" },
	/* upstreams, listeners, routes */
	{ "server without port", "\"127.0.0.1:8080\"", "@\"127.0.0.1\"",
	  "is not ADDRESS:PORT" },
	{ "server by name", "\"127.0.0.1:8080\"", "@\"broker:80\"",
	  "names are not resolved" },
	{ "no listener", "listener \"main\" {", NULL, "no listener" },
	{ "address", "\"127.0.0.1:0\"", "@\"127.0.0.1\"",
	  "is not ADDRESS:PORT" },
	{ "address port", "\"127.0.0.1:0\"", "@\"127.0.0.1:65536\"",
	  "is not ADDRESS:PORT" },
	{ "v6 without brackets", "\"127.0.0.1:0\"", "@\"::1:443\"",
	  "is not ADDRESS:PORT" },
	{ "address not here", "\"127.0.0.1:0\"", "@\"192.0.2.77:443\"",
	  "Cannot assign requested address" },
	{ "listener's upstream", "upstream = \"broker\"\n	require",
	  "@upstream = \"brocker\"\n	require",
	  "there is no section upstream \"brocker\"" },
	{ "route's upstream", "		upstream = \"broker\"",
	  "@		upstream = \"x\"",
	  "there is no section upstream \"x\"" },
	{ "route is no path", "route \"/echo\"", "@route \"echo\"",
	  "not a plain path" },
	{ "route with dots", "route \"/echo\"", "@route \"/a/../b\"",
	  "not a plain path" },
	{ "key missing", "\"key.pem\"", "@\"none.pem\"", "No such file" },
	{ "key of another", "\"key.pem\"", "@\"other.pem\"",
	  "other.pem: is not the key of the certificate" },
	{ "encrypted key", "\"key.pem\"", "@\"locked.pem\"",
	  "is encrypted; gwd cannot ask" },
	{ "no key in it", "\"key.pem\"", "@\"leaf.pem\"",
	  "open to every user" },
	{ "weak key", "\"leaf.pem\"\n	key = \"key.pem\"",
	  "\"weakcert.pem\"\n	@key = \"weak.pem\"", "is too weak" },
	{ "certificate garbage", "\"leaf.pem\"", "@\"garbage.pem\"",
	  "cannot be parsed" },
	{ "certificate empty", "\"leaf.pem\"", "@\"empty.pem\"",
	  "holds no certificate" },
#define IDENTITY(certificate, key) \
	"	identity \"two\" {\n" \
	"		@certificate = \"" certificate "\"\n" \
	"		key = \"" key "\"\n	}\n	route \"/echo\""
	{ "same name, same type", "	route \"/echo\"",
	  IDENTITY("same.pem", "other.pem"),
	  "same.pem: gw.corp.example.com is already the name of leaf.pem "
	  "(line 28), whose key is of the same type" },
	{ "nameless identity", "	route \"/echo\"",
	  IDENTITY("nameless.pem", "rsa-key.pem"), "has no DNS name" },
	{ "identity missing", "	route \"/echo\"",
	  IDENTITY("none.pem", "key.pem"), "none.pem: No such file" },
	{ "key of an identity", "	route \"/echo\"",
	  "	identity \"two\" {\n		certificate = \"rsa.pem\"\n"
	  "		@key = \"key.pem\"\n	}\n	route \"/echo\"",
	  "key: key.pem: is not the key of the certificate" },
	{ "identity without key", "	route \"/echo\"",
	  "	@identity \"two\" {\n		certificate = \"rsa.pem\"\n"
	  "	}\n	route \"/echo\"", "identity.key is missing" },
	{ "identity twice", "	route \"/echo\"",
	  "	identity \"a\" {\n	}\n	identity \"a\" {\n	}\n"
	  "	route \"/echo\"", "is given twice" },
#define STAPLE(file) \
	"\"issued.pem\"\n	@staple = \"" file "\"\n" \
	"	key = \"other.pem\""
	{ "staple missing", "\"leaf.pem\"\n	key = \"key.pem\"",
	  STAPLE("none.der"), "none.der: No such file" },
	{ "staple garbage", "\"leaf.pem\"\n	key = \"key.pem\"",
	  STAPLE("garbage.pem"), "garbage.pem is no successful OCSP response" },
	{ "staple of another", "\"leaf.pem\"\n	key = \"key.pem\"",
	  STAPLE("foreign.der"), "is about another certificate" },
	{ "staple signed by the leaf", "\"leaf.pem\"\n	key = \"key.pem\"",
	  STAPLE("self.der"), "is signed by nobody who may" },
	{ "staple: revoked", "\"leaf.pem\"\n	key = \"key.pem\"",
	  STAPLE("revoked.der"), "does not say that the certificate is good" },
	{ "staple without issuer", "\"leaf.pem\"",
	  "\"same.pem\"\n	key = \"other.pem\"\n"
	  "	@staple = \"staple.der\"\n	upstream = \"broker\"\n}\n"
	  "listener \"x\" {\n	address = \"127.0.0.1:0\"\n"
	  "	certificate = \"leaf.pem\"",
	  "the issuer's certificate does not follow" },
	/* the rest */
	{ "name in Via", "mapping {", "headers { @via = \"a, b\" }\nmapping {",
	  "via: 'a, b' cannot stand" },
	{ "field name", "mapping {", "headers { @user = \"X User\" }\n"
	  "mapping {", "user: 'X User' cannot be the name" },
	{ "framing field", "mapping {",
	  "headers { @sid = \"Content-Length\" }\nmapping {",
	  "cannot be the name" },
	{ "field twice", "mapping {",
	  "headers {\n user = \"X-A\"\n@upn = \"x-a\" }\nmapping {",
	  "upn: 'x-a' is already the field of user" },
	{ "timeouts", "mapping {", "revocation {\n@timeout = 9s }\nmapping {",
	  "timeout is longer than total_timeout" },
};

static char conf_path[300];

static void
write_conf(const char *text, size_t len)
{
	files_write("gwd.conf", text, len, 0644);
}

static void
make(void)
{
	const char *dir = files_make();

	cr_assert(gw_format(conf_path, sizeof(conf_path), "%s/gwd.conf",
			    dir));
	write_conf(files_conf(), strlen(files_conf()));
}

TestSuite(setup, .init = make);

/* The good text with one replacement; `*line` is where the mark stood.
 * `put` NULL: everything from `find` on is cut off. */
static char *
variant(const struct bad_case *c, int *line)
{
	const char *good = files_conf(), *at = strstr(good, c->find);
	char *text, *mark;

	cr_assert_not_null(at, "%s: not in the configuration", c->what);
	text = gw_xasprintf("%.*s%s%s", (int)(at - good), good,
			    c->put != NULL ? c->put : "",
			    c->put != NULL ? at + strlen(c->find) : "");
	mark = c->put != NULL ? strchr(c->put, '@') : NULL;
	if (mark == NULL)
		return text;
	mark = text + (at - good) + (mark - c->put);
	*line = 1;
	for (char *p = text; p < mark; p++)
		*line += *p == '\n';
	memmove(mark, mark + 1, strlen(mark));
	return text;
}

static void
expect_complaint(const struct bad_case *bad)
{
	struct gw_complaint c;
	struct gw_setup s;
	int line = 0;
	char *text = variant(bad, &line);

	write_conf(text, strlen(text));
	cr_expect_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c),
		      "%s: accepted", bad->what);
	cr_expect_not_null(strstr(c.text, bad->complaint), "%s: %d: %s",
			   bad->what, c.line, c.text);
	cr_expect_null(strchr(c.text, '\n'), "%s", bad->what);
	if (line != 0)
		cr_expect_eq(c.line, line, "%s: line %d, not %d: %s",
			     bad->what, line, c.line, c.text);
	free(text);
}

Test(setup, bad_files)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		expect_complaint(&cases[i]);
}

/* Only root gives the children users of their own. */
Test(setup, bad_users)
{
	static const struct bad_case users[] = {
		{ "no such user", "\"61001\"", "@\"gwd-nobody-has-this\"",
		  "proxy_user: there is no user 'gwd-nobody-has-this'; "
		  "create it" },
		{ "root", "\"61002\"", "@\"root\"",
		  "auth_user: 'root' is root" },
		{ "bad numbers", "\"61001\"", "@\"61001:x\"",
		  "there is no user" },
		{ "one user for two", "\"61003:61003\"", "@\"61001\"",
		  "must be three different users" },
	};

	for (size_t i = 0; geteuid() == 0 && i < GW_COUNT(users); i++)
		expect_complaint(&users[i]);
}

Test(setup, missing_things_name_the_nearest_line)
{
	struct bad_case k = { "", "	key = \"key.pem\"\n", "", "" };
	struct gw_complaint c;
	struct gw_setup s;
	int line = 0;
	char *text = variant(&k, &line);

	write_conf(text, strlen(text));
	cr_assert_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_eq(c.line, 26, "line of the listener, not %d", c.line);
	free(text);
	write_conf("workers = 1\n\n\n", 14);
	cr_assert_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_eq(c.line, 3, "the last line, not %d: %s", c.line, c.text);
}

Test(setup, not_text)
{
	static const char nul[] = "workers = 1\n\0workers = 2\n";
	struct gw_complaint c;
	struct gw_setup s;

	write_conf(nul, sizeof(nul) - 1);
	cr_expect_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_str_eq(c.text, "not a text file");
	write_conf("", 0);
	cr_expect_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_not(gw_setup_load("/nonexistent/gwd.conf", GW_SETUP_START,
				    &s, &c));
	cr_expect_str_eq(c.text, strerror(ENOENT));
}

static int
listen_somewhere(char text[GW_ADDR_TEXT])
{
	struct gw_addr a;
	int fd;

	cr_assert(gw_addr_parse("127.0.0.1:0", &a));
	fd = gw_net_listen(&a);
	cr_assert_geq(fd, 0);
	gw_addr_format(&a, text);
	return fd;
}

/* The other one has SO_REUSEPORT set, too: it must be noticed all the same. */
Test(setup, address_taken)
{
	char where[GW_ADDR_TEXT], quoted[GW_ADDR_TEXT + 3];
	int fd = listen_somewhere(where), line = 0;
	struct bad_case k = { "", "\"127.0.0.1:0\"", quoted, "" };
	struct gw_complaint c;
	struct gw_setup s;
	char *text;

	gw_format(quoted, sizeof(quoted), "@\"%s\"", where);
	text = variant(&k, &line);
	write_conf(text, strlen(text));
	cr_expect_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_eq(c.line, line);
	cr_expect_not_null(strstr(c.text, "Address already in use; `ss"),
			   "%s", c.text);
	/* checking beside the gateway that runs must be possible */
	cr_expect(gw_setup_load(conf_path, GW_SETUP_CHECK, &s, &c), "%s",
		  c.text);
	gw_setup_clear(&s);
	close(fd);
	free(text);
}

Test(setup, one_address_twice)
{
	struct bad_case k = {
		"", "\"127.0.0.1:0\"", "\"127.0.0.1:4433\"", ""
	};
	const char *second = "listener \"two\" {\n"
			     " address = \"127.0.0.1:04433\"\n"
			     " certificate = \"leaf.pem\"\n"
			     " key = \"key.pem\"\n upstream = \"broker\"\n}\n";
	struct gw_complaint c;
	struct gw_setup s;
	int line = 0;
	char *text = variant(&k, &line);
	char *both = gw_xasprintf("%s%s", text, second);

	write_conf(both, strlen(both));
	cr_expect_not(gw_setup_load(conf_path, GW_SETUP_CHECK, &s, &c));
	cr_expect_eq(c.line, 37, "%d: %s", c.line, c.text);
	free(text);
	free(both);
}

Test(setup, good)
{
	struct gw_complaint c;
	struct gw_setup s;

	cr_assert(gw_setup_load(conf_path, GW_SETUP_START, &s, &c),
		  "%d: %s", c.line, c.text);
	cr_expect_eq(s.conf.main.workers, 2);
	cr_expect_str_eq(s.conf.directory.realm, "CORP.EXAMPLE.COM");
	cr_expect_eq(s.conf.directory.kdc_timeout_ms, 2000);
	cr_expect_eq(s.conf.directory.domain_controllers.n, 2);
	cr_expect_eq(s.conf.mapping.strong, GW_STRONG_PREFER);
	cr_expect_eq(s.conf.session.max, 10000, "a default");
	cr_expect_str_eq(s.conf.routes[0].listener, "main");
	cr_expect_str_eq(s.conf.routes[0].title, "/echo");
	cr_expect_eq(s.file_count, 5, "CA, keytab, certificate, key, staple");
	cr_expect_eq(s.warning_count, 0);
	cr_expect_str_eq(s.listeners[0].subject, "CN=gw.corp.example.com");
	cr_expect_gt(s.listeners[0].expires, time(NULL) + 86400L * 399);
	gw_setup_clear(&s);
}

Test(setup, crlf_and_every_comment)
{
	static const char text[] =
		"workers = 3 # a\r\n// b \"\r\n/* c ' */ workers_ = 1\r\n";
	struct gw_complaint c;
	struct gw_setup s;

	write_conf(text, strlen(text));
	cr_assert_not(gw_setup_load(conf_path, GW_SETUP_START, &s, &c));
	cr_expect_eq(c.line, 3, "%d: %s", c.line, c.text);
	cr_expect_not_null(strstr(c.text, "'workers_'"), "%s", c.text);
}

/* A site without a directory needs neither its section nor a keytab, and may
 * ask for nothing that stands in it. */
static bool
load_without_directory(const char *ca, struct gw_setup *s,
		       struct gw_complaint *c)
{
	char *conf = gw_xasprintf(
		"proxy_user = \"61001\"\nauth_user = \"61002\"\n"
		"kdc_user = \"61003\"\n"
		"ca \"c\" { file = \"ca.pem\"\n%s }\n"
		"upstream \"u\" { servers = \"127.0.0.1:80\" }\n"
		"listener \"l\" { address = \"[::1]:0\"\n"
		" certificate = \"leaf.pem\" key = \"key.pem\"\n"
		" upstream = u admission = certificate }\n", ca);

	write_conf(conf, strlen(conf));
	free(conf);
	return gw_setup_load(conf_path, GW_SETUP_CHECK, s, c);
}

Test(setup, certificate_only)
{
	static const char *const wrong[] = {
		"ntauth = yes", "crl = \"ldap:///CN=x?list\"",
	};
	struct gw_complaint c;
	struct gw_setup s;

	cr_assert(load_without_directory("", &s, &c), "%d: %s", c.line,
		  c.text);
	cr_expect_not(gw_setup_needs_kdc(&s.conf));
	gw_setup_clear(&s);
	for (size_t i = 0; i < GW_COUNT(wrong); i++) {
		cr_assert_not(load_without_directory(wrong[i], &s, &c), "%s",
			      wrong[i]);
		cr_expect_eq(c.line, 5, "%d: %s", c.line, c.text);
		cr_expect_not_null(strstr(c.text, "no section directory"),
				   "%s", c.text);
	}
}

/* The default's files come first, each certificate's three together. */
Test(setup, identities)
{
	static const enum gw_file_purpose wanted[] = {
		GW_FILE_SERVER_CERT, GW_FILE_SERVER_KEY,
		GW_FILE_SERVER_STAPLE,
	};
	struct bad_case k = { "", "	route \"/echo\"",
			      "	identity \"rsa\" {\n"
			      "		certificate = \"rsa.pem\"\n"
			      "		key = \"rsa-key.pem\"\n	}\n"
			      "	identity \"issued\" {\n"
			      "		certificate = \"issued.pem\"\n"
			      "		key = \"other.pem\"\n"
			      "		staple = \"staple.der\"\n	}\n"
			      "	route \"/echo\"", "" };
	struct gw_complaint c;
	struct gw_setup s;
	int line = 0;
	char *text = variant(&k, &line);

	write_conf(text, strlen(text));
	cr_assert(gw_setup_load(conf_path, GW_SETUP_START, &s, &c),
		  "%d: %s", c.line, c.text);
	cr_assert_eq(s.conf.identity_count, 2);
	cr_expect_str_eq(s.conf.identities[1].listener, "main");
	cr_assert_eq(s.file_count, 2 + 3 * 3);
	for (size_t i = 0; i < 9; i++) {
		cr_expect_eq(s.files[2 + i].purpose, wanted[i % 3], "%zu", i);
		cr_expect_str_eq(s.files[2 + i].name, "main");
	}
	cr_expect_eq(s.files[4].len, 0, "no staple");
	cr_expect_gt(s.files[10].len, 0);
	cr_expect_gt(s.listeners[0].staple_until, time(NULL));
	cr_expect_eq(s.warning_count, 0);
	gw_setup_clear(&s);
	free(text);
}

static const struct warning_case {
	const char *what, *put, *warning;
} warnings[] = {
	{ "expired", "\"expired.pem\"\n	key = \"other.pem\"",
	  "certificate: expired.pem has expired" },
	{ "staple ended", STAPLE("old.der"), "staple: old.der has ended" },
	{ "staple endless", STAPLE("endless.der"),
	  "staple: endless.der has ended" },
	{ "staple early", STAPLE("early.der"),
	  "staple: early.der is not valid yet" },
};

/* Good enough to start with, not to keep silent about. */
Test(setup, warnings)
{
	for (size_t i = 0; i < GW_COUNT(warnings); i++) {
		struct bad_case k = { "",
				      "\"leaf.pem\"\n	key = \"key.pem\"",
				      warnings[i].put, "" };
		struct gw_complaint c;
		struct gw_setup s;
		int line = 28;
		char *text = variant(&k, &line);

		write_conf(text, strlen(text));
		cr_assert(gw_setup_load(conf_path, GW_SETUP_START, &s, &c),
			  "%s: %d: %s", warnings[i].what, c.line, c.text);
		cr_assert_eq(s.warning_count, 1, "%s: %zu", warnings[i].what,
			     s.warning_count);
		cr_expect_not_null(strstr(s.warnings[0].text,
					  warnings[i].warning), "%s",
				   s.warnings[0].text);
		cr_expect_eq(s.warnings[0].line, line, "%s",
			     warnings[i].what);
		gw_setup_clear(&s);
		free(text);
	}
}
