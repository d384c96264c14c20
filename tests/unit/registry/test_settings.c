/* test_settings.c — what operators set of a registered CA: refused, changed,
 * kept over a restart, taken over from an earlier version of registry.db, and
 * damaged. */
#include "opened.h"
#include "gw/util.h"
#include "pki.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct gw_refusal why;
static struct gw_error err;

TestSuite(settings, .init = registry_begin,
	  .fini = registry_finish, .timeout = 300);

/* ---- shorthand */

/* "key=value" texts, ended by NULL. */
static void
fill(struct gw_settings *s, const char *const *texts)
{
	char key[GW_SETTING_KEY_MAX];

	for (; texts != NULL && *texts != NULL; texts++) {
		gw_format(key, sizeof(key), "%.*s",
			  (int)strcspn(*texts, "="), *texts);
		cr_assert(gw_settings_add(s, key, strchr(*texts, '=') + 1),
			  "%s", *texts);
	}
}

#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static enum gw_admin_err
register_with(const char *pem, const char *const *texts,
	      char id[GW_CA_ID_SIZE])
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_REGISTER,
			      .pem = (const uint8_t *)pem,
			      .pem_len = strlen(pem) };
	const struct gw_ca *ca = NULL;
	enum gw_admin_err rc;

	why.detail[0] = '\0';
	fill(&m.settings, texts);
	rc = gw_registry_register(reg, &m, time(NULL), &ca, &why);
	if (rc != GW_ADMIN_OK)
		return rc;
	memcpy(id, ca->id, GW_CA_ID_SIZE);
	return gw_registry_settle(reg, id, GW_CA_REGISTERED, "", time(NULL),
				  &why);
}

static void
add(const char *const *texts, char id[GW_CA_ID_SIZE])
{
	char *pem = make_cert((struct made){ .name = "a" });

	cr_assert_eq(register_with(pem, texts, id), GW_ADMIN_OK, "%s",
		     why.detail);
	free(pem);
}

static enum gw_admin_err
update(const char *id, const char *const *texts)
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };

	why.detail[0] = '\0';
	cr_assert(gw_copy(m.id, sizeof(m.id), id));
	fill(&m.settings, texts);
	return gw_registry_update(reg, &m, &why);
}

/* "key=value" of everything that is not the default, in one line. */
static const char *
said(const char *id)
{
	static char line[8192];
	struct gw_setting at = { NULL, NULL };
	struct gw_settings s;
	size_t len = 0;

	cr_assert_not_null(gw_registry_find(reg, id), "%s", id);
	cr_assert(gw_settings_of(gw_registry_find(reg, id)->conf, &s));
	line[0] = '\0';
	while (gw_settings_next(&s, &at))
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					"%s%s=%s", len > 0 ? " " : "", at.key,
					at.value);
	return line;
}

/* ---- what is refused, when it comes and when it stands in a row */

static const struct bad_case {
	const char *what, *one, *two, *words;
} bad[] = {
	{ "scheme", "ocsp_url=ftp://x/", NULL, "ocsp_url: 'ftp://x/' is not" },
	{ "override alone", "ocsp_mode=override", NULL, "is no ocsp_url" },
	{ "no choice", "ocsp_mode=maybe", NULL, "'maybe' is not one of" },
	{ "no yes or no", "ntauth=2", NULL, "'2' is not yes or no" },
	{ "no number", "max_depth=deep", NULL, "is not a number" },
	{ "out of range", "max_depth=9", NULL, "out of range, 0 to 8" },
	{ "too long a grace", "grace=8d", NULL, "grace: " },
	{ "no OID", "require_policy=x", NULL, "require_policy: 'x' is not" },
	{ "no rule", "relax=all", NULL, "relax: 'all' is not one of" },
	{ "twice", "relax=lenient", "relax=lenient", "twice" },
	{ "two for one", "max_depth=1", "max_depth=2", "given twice" },
	{ "elsewhere", "crl=/etc/shadow", NULL, "not lie below crl_dir" },
	{ "dots", "crl=" CRL_DIR "/../x", NULL, "without .." },
};

Test(settings, refused)
{
	char *pem = make_cert((struct made){ .name = "a" });
	char id[GW_CA_ID_SIZE];

	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		cr_expect_eq(register_with(pem, TEXTS(bad[i].one, bad[i].two),
					   id), GW_ADMIN_INVALID_PARAMETER,
			     "%s", bad[i].what);
		cr_expect_not_null(strstr(why.detail, bad[i].words), "%s: %s",
				   bad[i].what, why.detail);
	}
	cr_expect_eq(gw_registry_count(reg), 0);
	cr_assert_eq(register_with(pem, TEXTS("max_depth=2"), id),
		     GW_ADMIN_OK);
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		cr_expect_eq(update(id, TEXTS(bad[i].one, bad[i].two)),
			     GW_ADMIN_INVALID_PARAMETER, "%s", bad[i].what);
	cr_expect_str_eq(said(id), "max_depth=2", "what was refused shows");
	cr_expect_eq(update(id, TEXTS("relax=", "relax=lenient")),
		     GW_ADMIN_INVALID_PARAMETER, "empty beside another");
	free(pem);
}

Test(settings, no_such_key)
{
	struct gw_settings s = { .count = 0 };
	char value[GW_SETTING_VALUE_MAX + 1] = "";

	cr_expect_not(gw_settings_add(&s, "file", "/x"), "not the operator's");
	cr_expect_not(gw_settings_add(&s, "title", "x"));
	cr_expect_not(gw_settings_add(&s, "", ""));
	memset(value, 'a', sizeof(value) - 1);
	cr_expect_not(gw_settings_add(&s, "crl", value), "too long");
	value[sizeof(value) - 2] = '\0';
	for (int i = 0; i < GW_SETTINGS_TEXT / (GW_SETTING_VALUE_MAX + 4); i++)
		cr_expect(gw_settings_add(&s, "crl", value), "%d", i);
	cr_expect_not(gw_settings_add(&s, "crl", value), "too much text");
	s = (struct gw_settings){ .count = 0 };
	for (int i = 0; i < GW_SETTINGS_MAX; i++)
		cr_expect(gw_settings_add(&s, "crl", ""), "%d", i);
	cr_expect_not(gw_settings_add(&s, "crl", ""), "too many");
}

/* ---- what is changed and kept */

static const char *const everything[] = {
	"revocation=crl", "revocation=ocsp", "ocsp_url=http://ocsp/",
	"ocsp_mode=override", "ocsp_hash=sha256", "ocsp_method=post",
	"ocsp_nonce=yes", "crl=http://x/a.crl", "crl=ldap:///CN=x?list",
	"crl=" CRL_DIR "/a.crl", "check_intermediates=no",
	"on_unavailable=grace", "grace=90min", "require_smartcard_eku=no",
	"require_eku=1.2.3", "require_policy=2.5.29.32.0", "ntauth=yes",
	"max_depth=3", "validity_skew=5min", "relax=ca-eku", "relax=lenient",
	NULL,
};

/* Nothing of the table is missing above. */
Test(settings, every_key_is_tried)
{
	const struct gw_conf_section *s = gw_conf_section("ca");

	for (size_t i = 0; i < s->key_count; i++) {
		size_t len = strlen(s->keys[i].name), j = 0;

		if (!gw_setting_is(&s->keys[i]))
			continue;
		while (everything[j] != NULL &&
		       (strncmp(everything[j], s->keys[i].name, len) != 0 ||
			everything[j][len] != '='))
			j++;
		cr_expect_not_null(everything[j], "%s", s->keys[i].name);
	}
}

Test(settings, kept)
{
	char line[2048] = "", id[GW_CA_ID_SIZE];
	const struct gw_conf_ca *ca;

	for (size_t i = 0, len = 0; everything[i] != NULL; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					"%s%s", i > 0 ? " " : "",
					everything[i]);
	add(everything, id);
	cr_expect_str_eq(said(id), line);
	reopen();
	cr_expect_str_eq(said(id), line, "after a restart");
	ca = gw_registry_find(reg, id)->conf;
	cr_expect_str_eq(ca->title, id);
	cr_expect(ca->grace_ms == 5400000 && ca->max_depth == 3 &&
		  !ca->require_smartcard_eku && ca->relax.n == 2);
}

Test(settings, changed)
{
	char id[GW_CA_ID_SIZE];
	const struct gw_conf_ca *before;

	add(TEXTS("crl=http://x/1", "crl=http://x/2", "grace=2h",
		  "ocsp_url=http://ocsp/"), id);
	before = gw_registry_find(reg, id)->conf;
	cr_assert_eq(update(id, TEXTS("crl=http://x/3", "ntauth=yes",
				      "grace=1h")), GW_ADMIN_OK, "%s",
		     why.detail);
	cr_expect_eq(before->crl.n, 2, "borrowed by logins under way");
	cr_expect_str_eq(said(id), "ocsp_url=http://ocsp/ crl=http://x/3 "
			 "ntauth=yes", "others stay, a default is none");
	cr_assert_eq(update(id, TEXTS("crl=", "ocsp_url=")), GW_ADMIN_OK);
	cr_expect_str_eq(said(id), "ntauth=yes");
	cr_assert_eq(update(id, NULL), GW_ADMIN_OK);
	reopen();
	cr_expect_str_eq(said(id), "ntauth=yes");
	cr_expect(gw_registry_find(reg, id)->conf->require_smartcard_eku,
		  "the default of the configuration");
}

/* Registered again, a CA does not come back with what it had. */
Test(settings, anew)
{
	char *pem = make_cert((struct made){ .name = "a" });
	char id[GW_CA_ID_SIZE], other[GW_CA_ID_SIZE];

	add(NULL, other);
	cr_assert_eq(register_with(pem, TEXTS("relax=lenient"), id),
		     GW_ADMIN_OK);
	cr_assert_eq(gw_registry_deregister(reg, id, 1, &why), GW_ADMIN_OK);
	cr_assert_eq(gw_registry_settle(reg, id, GW_CA_DEREGISTERED, "", 1,
					&why), GW_ADMIN_OK);
	reopen();
	cr_assert_eq(register_with(pem, NULL, id), GW_ADMIN_OK);
	cr_expect_str_eq(said(id), "");
	reopen();
	cr_expect_str_eq(said(id), "");
	free(pem);
}

/* ---- the file behind it */

static void
sql(const char *text)
{
	sqlite3 *db;
	char *wrong = NULL;

	gw_registry_free(reg);
	reg = NULL;
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	(void)sqlite3_exec(db, text, NULL, NULL, &wrong);
	cr_assert_null(wrong, "%s", wrong);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

static int
number(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	int n = -1;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
	return n;
}

static void
expect_refused(const char *what, const char *words)
{
	err.detail[0] = '\0';
	cr_expect_eq(open_again(CRL_DIR, &err), GW_ERR_FILE, "%s", what);
	cr_expect_not_null(strstr(err.detail, words), "%s: %s", what,
			   err.detail);
}

/* The row's settings are these and no others. */
static void
put(const char *id, const char *const *texts)
{
	gw_auto(free) char *none = gw_xasprintf("DELETE FROM ca_setting");

	sql(none);
	for (int i = 0; texts[i] != NULL; i++) {
		gw_auto(free) char *one = gw_xasprintf(
			"INSERT INTO ca_setting VALUES ('%s', '%.*s', %d, "
			"'%s')", id, (int)strcspn(texts[i], "="), texts[i], i,
			strchr(texts[i], '=') + 1);

		sql(one);
	}
}

Test(settings, damaged)
{
	char id[GW_CA_ID_SIZE];

	add(NULL, id);
	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		put(id, TEXTS(bad[i].one, bad[i].two));
		expect_refused(bad[i].what, "is damaged: ");
		cr_expect_not_null(strstr(err.detail, id), "%s", err.detail);
		cr_expect_not_null(strstr(err.detail, bad[i].words), "%s: %s",
				   bad[i].what, err.detail);
	}
	put(id, TEXTS("colour=red"));
	expect_refused("unknown key", "is damaged: setting 'colour'");
	put(id, TEXTS("file=/x"));
	expect_refused("the file's own key", "is damaged: setting 'file'");
	put(id, TEXTS("crl="));
	expect_refused("nothing", "is damaged: setting 'crl'");
	put("c-0123456789", TEXTS("crl=http://x/"));
	expect_refused("nobody's", "damaged: settings of a CA that is not");
	put(id, TEXTS("relax=lenient"));
	sql("UPDATE ca_setting SET value = 'lenient' || char(0) || 'x'");
	expect_refused("a NUL inside", "is damaged: setting 'relax'");
	put(id, TEXTS("relax=lenient"));
	reopen();
	cr_expect_str_eq(said(id), "relax=lenient", "as it should be");
}

/* crl_dir has moved: what was right is not any more. What is gone does not
 * stand in the way. */
Test(settings, crl_dir_moved)
{
	char id[GW_CA_ID_SIZE], other[GW_CA_ID_SIZE];

	add(NULL, other);
	add(TEXTS("crl=" CRL_DIR "/a.crl"), id);
	cr_expect_eq(open_again("/srv/crl", &err), GW_ERR_FILE);
	cr_expect_not_null(strstr(err.detail, "not lie below crl_dir"), "%s",
			   err.detail);
	cr_expect_eq(open_again("", &err), GW_ERR_FILE);
	reopen();
	cr_assert_eq(gw_registry_deregister(reg, id, 1, &why), GW_ADMIN_OK);
	cr_assert_eq(gw_registry_settle(reg, id, GW_CA_DEREGISTERED, "", 1,
					&why), GW_ADMIN_OK);
	cr_expect_eq(open_again("/srv/crl", &err), GW_ERR_OK, "%s", err.detail);
}

/* ---- from version 1 */

static const char version_1[] =
	"CREATE TABLE ca ("
	" id TEXT PRIMARY KEY, der BLOB NOT NULL, state INTEGER NOT NULL,"
	" reason TEXT NOT NULL, registered INTEGER NOT NULL,"
	" since INTEGER NOT NULL, ocsp_url TEXT NOT NULL,"
	" ocsp_mode INTEGER NOT NULL) STRICT;"
	"CREATE TABLE client_auth ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" enabled INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;"
	"INSERT INTO client_auth VALUES (1, 0, 77);";

/* Three rows as version 1 had them; `ids` in the order a, b, c. */
static void
make_version_1(char ids[3][GW_CA_ID_SIZE])
{
	gw_auto(free) char *rows = NULL;

	add(NULL, ids[0]);
	add(NULL, ids[1]);
	add(NULL, ids[2]);
	sql("CREATE TABLE was AS SELECT id, der FROM ca;"
	    "DROP TABLE ca; DROP TABLE ca_setting; DROP TABLE client_auth;");
	sql(version_1);
	rows = gw_xasprintf(
		"INSERT INTO ca SELECT id, der, 1, '', 5, 6, '', 0 FROM was;"
		"UPDATE ca SET ocsp_url = 'http://b/' WHERE id = '%s';"
		"UPDATE ca SET ocsp_url = 'http://c/', ocsp_mode = 1 "
		"WHERE id = '%s';"
		"DROP TABLE was; PRAGMA user_version=1;", ids[1], ids[2]);
	sql(rows);
}

static void
expect_taken_over(char ids[3][GW_CA_ID_SIZE])
{
	reopen();
	cr_expect_eq(gw_registry_count(reg), 3);
	cr_expect_str_eq(said(ids[0]), "");
	cr_expect_str_eq(said(ids[1]), "ocsp_url=http://b/");
	cr_expect_str_eq(said(ids[2]),
			 "ocsp_url=http://c/ ocsp_mode=override");
	cr_expect_eq(gw_registry_find(reg, ids[0])->since, 6);
	cr_expect_not(gw_registry_client_auth(reg));
	cr_expect_eq(gw_registry_client_auth_since(reg), 77);
}

Test(settings, version_1)
{
	char ids[3][GW_CA_ID_SIZE];

	make_version_1(ids);
	expect_taken_over(ids);
	expect_taken_over(ids);
	cr_assert_eq(update(ids[0], TEXTS("relax=any-eku")), GW_ADMIN_OK);
	reopen();
	cr_expect_str_eq(said(ids[0]), "relax=any-eku");
	gw_registry_free(reg);
	reg = NULL;
	cr_expect_eq(number("PRAGMA user_version"), 2);
}

/* Killed between making the tables and saying so, as version 1 could be. */
Test(settings, version_1_unsaid)
{
	char ids[3][GW_CA_ID_SIZE];

	make_version_1(ids);
	sql("PRAGMA user_version=0");
	expect_taken_over(ids);
}

/* All of the step or nothing of it. */
Test(settings, version_1_stopped_half_way)
{
	char ids[3][GW_CA_ID_SIZE];

	make_version_1(ids);
	sql("CREATE VIEW v AS SELECT ocsp_mode FROM ca");
	expect_refused("a column in use", "ocsp_mode");
	cr_expect_eq(number("PRAGMA user_version"), 1);
	cr_expect_eq(number("SELECT count(ocsp_url) FROM ca"), 3);
	cr_expect_eq(number("SELECT count(*) FROM ca_setting"), -1);
	sql("DROP VIEW v");
	expect_taken_over(ids);
}

Test(settings, version_1_damaged)
{
	char ids[3][GW_CA_ID_SIZE];

	make_version_1(ids);
	sql("UPDATE ca SET ocsp_mode = 7");
	expect_refused("a mode there is not", "'7' is not one of");
}

Test(settings, newer_version)
{
	sql("PRAGMA user_version=3");
	expect_refused("newer", "written by a newer gwd");
}
