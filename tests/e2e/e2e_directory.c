/* e2e_directory.c — what gwd-kdc reads in the directory besides accounts: the
 * revocation lists behind ldap: URLs, and NTAuthCertificates. kdc_probe plays
 * gwd-auth to a gwd-kdc of the test's own. All of it is only read, so that
 * tests may run beside each other. */
#include "gate.h"
#include "http.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(directory, .timeout = 300);

/* Runs kdc_probe with this script, in the lab; `more`: further settings. */
static char *
probe_with(const char *more, const char *script)
{
	const char *bin = text("%.*s",
			       (int)(strrchr(lab("GWD"), '/') - lab("GWD")),
			       lab("GWD"));
	const char *file = text("%s/script", scratch_dir());
	const char *cmd = text(
		"exec %s/kdc_probe %s/gwd-kdc %s directory.realm=%s "
		"directory.domain=%s directory.service_account=%s %s <%s",
		bin, bin, lab("KEYTAB"), lab("REALM"), lab("DOMAIN"),
		lab("SERVICE_ACCOUNT"), more, file);
	const char *argv[ARGS_MAX];
	struct output o;

	spill(file, text("sleep 1000\n%s\n", script));
	in_lab((const char *const[]){ "sh", "-c", cmd, NULL }, argv);
	o = run(argv, 60000);
	cr_assert_eq(o.status, 0, "kdc_probe: %d: %s%s", o.status, o.out,
		     o.err);
	return o.out;
}

static char *
probe(const char *script)
{
	return probe_with("", script);
}

/* ---- revocation lists */

static const struct url_case {
	const char *what, *find, *put; /* in CDP_URL */
	const char *words;
} urls[] = {
	{ "another host", "ldap:///", "ldap://192.0.2.1/",
	  "names a host" },
	{ "another attribute", "certificateRevocationList",
	  "unicodePwd", "not the attribute" },
	{ "subtree", "?base?", "?sub?", "scope" },
	{ "no such object", "CN=Corp%20Lab%20Issuing%20CA",
	  "CN=nothing", "No such object" },
	{ "no such value", "certificateRevocationList",
	  "deltaRevocationList", "has no deltaRevocationList" },
	{ "filter that does not match", "cRLDistributionPoint", "person",
	  "filter" },
	{ "filter that is none", "objectClass=cRLDistributionPoint",
	  "((", "Bad search filter" },
	{ "a DN that is none", "CN=Corp%20Lab%20Issuing%20CA,", "nodn,",
	  "Invalid DN" },
	{ "another object", "CN=Corp%20Lab%20Issuing%20CA,CN=ca1,CN=CDP,",
	  "CN=NTAuthCertificates,", "filter" },
};

Test(directory, crl_refusals)
{
	for (size_t i = 0; i < GW_COUNT(urls); i++) {
		const char *url = text_with(lab("CDP_URL"), urls[i].find,
					    urls[i].put);
		const char *said = probe(text("crl %s", url));

		cr_expect(contains(said, "\nrevocation-unavailable "),
			  "%s: %s", urls[i].what, said);
		cr_expect(contains(said, urls[i].words), "%s: %s",
			  urls[i].what, said);
	}
}

Test(directory, crl_none_yet)
{
	const char *url = text_with(
		text_with(lab("CDP_URL"),
			  "CN=Corp%20Lab%20Issuing%20CA,CN=ca1,CN=CDP,",
			  "CN=NTAuthCertificates,"),
		"?objectClass=cRLDistributionPoint", "");

	cr_expect(contains(probe(text("crl %s", url)),
			   "\nrevocation-malformed "));
}

Test(directory, crl_in_no_time)
{
	cr_expect(contains(probe(text("crl %s 0", lab("CDP_URL"))),
			   "\ngateway-busy "));
}

/* What came is the issuing CA's list, whole. */
Test(directory, crl)
{
	const char *file = text("%s/got.crl", scratch_dir());
	const char *said = probe(text("crl %s 10000 %s", lab("CDP_URL"),
				      file));
	struct output o;

	cr_assert(contains(said, "\nok bytes="), "%s", said);
	o = RUN(60000, "openssl", "crl", "-inform", "DER", "-in", file,
		"-noout", "-verify", "-CAfile", lab("ISSUING_CA_FILE"));
	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect(contains(o.err, "verify OK"), "%s", o.err);
}

/* ---- mapping by the KDC */

/* Samba 4.17 maps no certificates: it must be a refusal with a reason, and
 * never the account the certificate's name would lead to. */
Test(directory, kdc_that_maps_nobody)
{
	const char *der = text("%s/alice.der", scratch_dir());
	const char *login = text("logon upn=alice@%s leaf=%s", lab("DOMAIN"),
				 der);
	const char *said;

	cr_assert_eq(RUN(60000, "openssl", "x509", "-in", lab_cert("alice"),
			 "-outform", "DER", "-out", der).status, 0);
	said = probe_with("mapping.mode=kdc mapping.strong=off", login);
	cr_expect(contains(said, "\nmap-no-account "), "%s", said);
	cr_expect(contains(said, "maps"), "%s", said);
	said = probe_with("mapping.mode=kdc mapping.strong=off",
			  text("logon upn=alice@%s", lab("DOMAIN")));
	cr_expect(contains(said, "\ngateway-internal "), "%s", said);
	said = probe_with("mapping.strong=off", login);
	cr_expect(contains(said, "\nok sam=alice "),
		  "the same by the directory: %s", said);
}

/* ---- hosts and resolv.conf, of which new files take the place */

struct look {
	const char *log, *result;
	size_t from;
};

static bool
has_looked(void *arg)
{
	const struct look *l = arg;

	return find_line(l->log, l->from, (const char *const[]){
			 "dc-discovery", l->result, NULL }) != NULL;
}

static void
replace(const char *path, const char *content)
{
	const char *fresh = text("%s.new", path);

	spill(fresh, content);
	cr_assert(chmod(fresh, 0644) == 0 && rename(fresh, path) == 0);
}

/* An /etc of its own, where no name server is and no other host. */
static char *
make_etc(const char *dir)
{
	char *etc = text("%s/etc", dir);
	const char *argv[ARGS_MAX];

	in_lab((const char *const[]){ "cp", "-a", "/etc", etc, NULL }, argv);
	cr_assert_eq(run(argv, 30000).status, 0);
	replace(text("%s/hosts", etc), "127.0.0.1 localhost\n");
	replace(text("%s/resolv.conf", etc), "nameserver 127.255.255.253\n");
	return etc;
}

/* With that /etc, and a /run that is empty; one of the DCs is known, by name
 * alone. */
static struct gate
start_nameless(char *dir, const char *etc, const char *run_dir)
{
	const char *conf = text_with(
		conf_text(dir, lab("ECHO_URL") + 7),
		text("\"%s@%s\", \"%s@%s\"", lab("DC1_NAME"), lab("DC1_ADDR"),
		     lab("DC2_NAME"), lab("DC2_ADDR")),
		text("\"%s\"", lab("DC1_NAME")));
	struct gate g = gate_start_by((const char *const[]){
		"unshare", "--mount", "sh", "-c",
		"mount --bind \"$0\" /etc && mount --bind \"$1\" /run && "
		"shift && exec \"$@\"", etc, run_dir, NULL }, dir, conf);
	struct look l = { .log = g.log, .result = "result=kdc-unreachable" };

	cr_expect(await(60000, has_looked, &l), "found already: %s",
		  slurp(g.log));
	return g;
}

static char *
make_run(const char *dir)
{
	char *run_dir = text("%s/run", dir);

	cr_assert_eq(mkdir(run_dir, 0755), 0);
	return run_dir;
}

static void
find_by(const char *name, const char *content)
{
	char *dir = scratch_dir(), *etc = make_etc(dir);
	struct gate g = start_nameless(dir, etc, make_run(dir));
	struct look l = { .log = g.log, .result = "result=ok",
			  .from = strlen(slurp(g.log)) };

	replace(text("%s/%s", etc, name), content);
	cr_expect(await(60000, has_looked, &l), "%s: never found: %s", name,
		  slurp(g.log));
	gate_stop(&g);
}

Test(directory, another_hosts_file)
{
	find_by("hosts", text("127.0.0.1 localhost\n%s %s\n",
			      lab("DC1_ADDR"), lab("DC1_NAME")));
}

Test(directory, another_resolv_conf)
{
	find_by("resolv.conf", text("nameserver %s\n", lab("DC1_ADDR")));
}

static bool
has_found(void *arg)
{
	const struct gate *g = arg;

	return find_line(g->log, 0, (const char *const[]){
			 "dc-state", "state=up", NULL }) != NULL;
}

/* The resolver comes up after gwd, and makes the directory its file is in,
 * which Landlock does not know: gwd-kdc starts anew. */
Test(directory, a_resolver_that_is_late)
{
	char *dir = scratch_dir(), *etc = make_etc(dir), *run_dir;
	char *link_name = text("%s/resolv.conf", etc);
	struct gate g;

	run_dir = make_run(dir);
	cr_assert(unlink(link_name) == 0 &&
		  symlink("/run/resolvconf/resolv.conf", link_name) == 0);
	g = start_nameless(dir, etc, run_dir);
	run_dir = text("%s/resolvconf", run_dir);
	cr_assert_eq(mkdir(run_dir, 0755), 0);
	replace(text("%s/resolv.conf", run_dir),
		text("nameserver %s\n", lab("DC1_ADDR")));
	cr_expect(await(60000, has_found, &g), "never found: %s",
		  slurp(g.log));
	gate_stop(&g);
}

/* ---- NTAuthCertificates */

Test(directory, ntauth)
{
	struct output o = RUN(60000, "sh", "-c",
			      "openssl x509 -in \"$0\" -outform DER |"
			      " sha256sum",
			      lab("ISSUING_CA_FILE"));
	const char *said = probe("relink\nsleep 100");
	const char *want = text("\nntauth 1 %.64s\n", o.out);
	const char *at = strstr(said, want);

	cr_assert_not_null(at, "no %s in %s", want, said);
	cr_expect_not_null(strstr(at + 1, want),
			   "not said on the second link: %s", said);
}
